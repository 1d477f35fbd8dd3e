"""What `minidl check` says."""

RIGHT, WRONG, DEPENDS, UNREAD = "RIGHT", "WRONG", "DEPENDS", "NOT READ"

# Conventions: what a number may count besides.
TORCHVISIONS = "torchvision's network of that name"
MODERN = "in its modern form, with every map connected"
WIDER = "with 512, 1024 and 512 kernels in conv3 to conv5"
UNGROUPED = "without its two groups"
ONE_TOWER_AT_227 = "the one of one tower (64, 192, 384, 256, 256 kernels) on pictures of 227 with padding 2"
STRIDE_ON_1X1 = "with the stride on the first 1×1 convolution of a block, as the paper has it"
NO_BIASES = "biases left out"
NO_OTHERS = "biases and the parameters of norms left out"
WITH_BIASES = "biases counted"
WITH_AUX = "with the auxiliary heads"
NO_AUX = "without the auxiliary heads"
MACS_MEANT = "if multiply-accumulates are meant, one for a multiplication and its addition"
FLOPS_MEANT = "if multiplications and additions count each"
ALL_FLOPS = "all additions and multiplications, those of norms and activations too"
TWO_A_MAC = "2 for each multiply-accumulate"
WEIGHTS_MEANT = "if the memory of the weights is meant"
ACTIVATIONS_MEANT = "if the memory of the activations is meant"
BINARY = "with 1024 for every 1000 (MiB for MB)"
PRINTED = "in the round figures of the paper ({where})"
IN_DTYPE = "in {dtype}"
WITH_POOLS = "with the maps of the poolings"
EVERY_RESULT = "every result counted, those of activations, norms and poolings too"
CUT = "if the further digits are cut off, not rounded"
ROUGH = "only as a rough number, with one digit: it is {off} off"
ON_THE_WAY = "on the longest way"
ALL_CONVS = "all of them, those on shortcuts and in parallel branches too"
POOLS_COUNT = "if poolings count as layers"
PART_MEANT = "if that of its {part} alone is meant"
ONE_MEANT = "if {name} is meant"

# Slips.
FLOPS_FOR_MACS = "FLOPs taken for MACs: each multiply-accumulate counted twice"
MACS_FOR_FLOPS = "MACs taken for FLOPs: a multiplication and its addition counted once"
NO_FC = "the last linear layer left out"
CONVS_ALONE = "the linear layers left out"
LINEARS_ALONE = "the linear layers alone"
NO_FC_CUT = "the last linear layer left out, and the further digits cut off"
GROUPS_FORGOTTEN = "groups forgotten"
POWER = "power of ten: {times} times the right number"
POWER_DOWN = "power of ten: 1/{times} of the right number"
IN_1024 = "1024 taken for 1000: {unit} = 1024^{n}"
FROM_1024 = "1000 taken for 1024"
LEFT_OUT = "{name} left out"
TWICE = "{name} counted twice"
BRANCH_TWICE = "{name} counted once more"
OF_LAYER = "the number of {name}"
ONE_OF = "one of {names} (all of the same size)"
BYTES_FOR_NUMBERS = "bytes taken for numbers, 4 for each"
NUMBERS_FOR_BYTES = "numbers taken for bytes"
BITS_FOR_BYTES = "bits taken for bytes"
RUNNING = "running means and variances counted as parameters"
INPUT_COUNTED = "the input counted as an activation"
INPUT_AND_POOLS = "the input and the maps of the poolings counted as activations"
BIAS_ADDITIONS = "the additions of the biases counted"
OTHER_WAY = "the other way round"
PERCENT_FOR_TIMES = "% written for times"
TIMES_FOR_PERCENT = "times written for %"
MORE_BY = '"times more" taken as that many on top'
SIZE_FOR_SIZE = "{wrong} taken for {right}"
MACS_FOR_PARAMETERS = "MACs taken for parameters"
PARAMETERS_FOR_MACS = "parameters taken for MACs"
TRAINING_TWICE = "forward and backward pass counted"
ONE_LAYER_MORE = "a layer counted twice"
ONE_LAYER_LESS = "a layer left out"
OTHER_DTYPE = "{dtype} taken for {right}"
LEFT_FOR_SAVED = "what is left taken for what is saved"
THAT_OF = "that of {name}"
SHORTCUTS_COUNT = "if the convolutions on shortcuts and in parallel branches count, too"
RUNNING_KEPT = "with the running means and variances of norms, as files of weights have them"
AND = "{first}; {second}"

# Forms.
FORMS = (
    (
        "VGG-16 has 138M weights",
        "a network: parameters, weights, MACs, FLOPs, memory of weights or activations, layers",
    ),
    ("AlexNet의 파라미터는 6천만 개", "the same in Korean"),
    (
        "GoogLeNet with auxiliary heads has 13.4M parameters",
        "with or without: biases, auxiliary heads, groups, poolings",
    ),
    ("VGG-16 conv1_2 has 36,928 parameters", "a layer; its output: AlexNet conv1 gives 55x55x96"),
    ("the fc layers hold 96 % of AlexNet's parameters", "the share of some layers"),
    ("VGG-16 pool5 has a receptive field of 212 pixels", "a receptive field"),
    (
        "VGG-16 has 2.3 times the parameters of AlexNet",
        "two networks, in times or percent (56 % fewer than)",
    ),
    ("conv 3x3 64->192 @28x28 needs 86.7M MACs", "a convolution, with stride, padding, groups, bias"),
    ("11x11 convolution with stride 4 on 227x227 gives 55x55", "the size of an output, of poolings too"),
    ("three 3x3 convolutions have 27C² weights, one 7x7 49C²", "a stack; its receptive field"),
    ("depthwise separable 3x3 convolution, 256 output channels: 8.7 times fewer MACs than an ordinary one", ""),
    ("the naive inception module needs 854M MACs", "or the one with bottlenecks: the worked example of 28×28×256"),
    ("linear layer from 7x7x1024 to 1000 has 50,176,000 weights", ""),
    ("SE block with 512 channels and r=16 has 32,768 weights", ""),
    ("(227-11)/4+1 = 55", "arithmetic"),
)
KNOWN_FORMS = "Forms that are known:"
BECAUSE = {RIGHT: "({why})", DEPENDS: "true only so: {why}", WRONG: "slip: {why}"}
