"""What `minidl learn predict` asks and says: formulas, and the usual slips by the number that they lead to."""

# The cells of a layer.
OUTPUT, PARAMETERS, MACS, MEMORY, FIELD = "output", "parameters", "MACs", "memory", "field"
ASKED = {
    OUTPUT: "output, C×H×W",
    PARAMETERS: "parameters",
    MACS: "MACs",
    MEMORY: "memory of the output in float32, bytes",
    FIELD: "receptive field, pixels",
}
FLAT = "output, numbers"

# What a layer is.
CONV = "{kernel} convolution, {c} -> {o} channels{more}"
POOL = "{kernel} {kind} pooling{more}"
KINDS = {"max_pool2d": "max", "avg_pool2d": "average"}
LINEAR = "linear, {m} -> {o}{more}"
NORM = "batch norm of {c} channels"
GLOBAL = "global average pooling"
CONCAT = "{count} maps put together along the channels: {channels}"
MORE = {"stride": "stride {}", "padding": "padding {}", "dilation": "dilation {}", "groups": "{} groups"}
NO_BIAS, BIAS = "no bias", "with bias"
INPUT = "{what}; in {shape}"

# Formulas: in letters, and in the learner's numbers.
SIZE = "{o} = ({n} + {front} + {back} - {d}·({k} - 1) - 1) // {s} + 1 = {value}"
SIZE_UP = "{o} = ceil(({n} + {front} + {back} - {d}·({k} - 1) - 1) / {s}) + 1 = {value} (ceil_mode)"
CHANNELS = "C = {value}"
CONV_PARAMETERS = "O · C/G · KH · KW{plus} = {o} · {c}/{g} · {kh} · {kw}{bias} = {value}"
CONV_MACS = "O · C/G · KH · KW · OH · OW = {o} · {c}/{g} · {kh} · {kw} · {oh} · {ow} = {value}"
LINEAR_PARAMETERS = "O · M{plus} = {o} · {m}{bias} = {value}"
LINEAR_MACS = "O · M = {o} · {m} = {value}"
LINEAR_MACS_OF_TOKENS = "L · O · M = {count} · {o} · {m} = {value}"
NORM_PARAMETERS = "a weight and a bias for each channel: 2 · {c} = {value}"
MEMORY_OF = "numbers · 4 bytes = {shape} · 4 = {value}"
FIELD_OF = (
    "before + d·(K - 1) · jump = {before} + {d}·({k} - 1) · {jump} = {value} (jump: the strides before, multiplied)"
)
CONCAT_OF = "C = {sum} = {value}; H and W stay"
GLOBAL_OF = "one number for each channel: {value}"

# Slips: what was done.
SLIP = "exactly {value} comes out if {slips}"
UNKNOWN = "{value} is none of the usual slips"
AND = "{first}, and {second}"
OR = ", or if "
ROUNDED_UP = "the division is rounded up; // rounds down"
ROUNDED_DOWN = "the division is rounded down; this pooling rounds up (ceil_mode)"
NO_ONE = "the + 1 at the end is forgotten"
NO_PADDING = "the padding is forgotten"
ONE_SIDE = "the padding is counted on one side only"
NO_STRIDE = "the stride is forgotten"
NO_DILATION = "the dilation is forgotten"
NO_KERNEL = "the size of the window is not taken off"
WHOLE_KERNEL = "d·K is taken off, not d·(K - 1) + 1"
CHANNELS_IN = "the channels are those that come in"
TURNED = "H and W are exchanged"
CHANNEL_LAST = "the channels stand last"
NO_BIAS_COUNTED = "the bias is forgotten"
BIAS_COUNTED = "a bias is counted; there is none"
ONE_BIAS = "one bias is counted, not one for each output"
BIAS_IN = "a bias is counted for each input, not for each output"
NO_GROUPS = "the groups are forgotten"
GROUPS_TWICE = "the groups are taken off twice, from the channels and from the kernels"
ONE_WAY = "K stands for KH · KW"
NO_INPUTS = "the channels that come in are forgotten"
NO_OUTPUTS = "the number of kernels is forgotten"
FLOPS = "FLOPs are counted, two for each MAC"
WITH_BIAS = "the additions of the bias are counted as MACs"
SIZE_BEFORE = "the size is that of the map before this layer"
NO_PLACES = "OH · OW is forgotten: these are the weights"
ONE_PLACE = "OH stands for OH · OW"
IS_MACS = "the MACs are given"
NUMBERS = "the numbers are counted, not their bytes"
BYTES_8 = "a number is taken for 8 bytes, as in float64"
BYTES_2 = "a number is taken for 2 bytes, as in float16"
INPUT_TOO = "the map that comes in is counted, too"
INPUT_ALONE = "the map that comes in is counted, not the one that comes out"
WEIGHTS_TOO = "the weights are counted, too"
WEIGHTS_ALONE = "the weights are counted, not the map"
RUNNING = "the running mean and variance are counted, which are not learnt"
ONE_EACH = "one number for each channel is counted: it has a weight and a bias"
EACH_PLACE = "a weight and a bias are counted for every place; all places share them"
NOT_FLAT = "the map is not flattened: the channels alone are counted"
NO_JUMP = "the strides before are forgotten (jump 1)"
OWN_JUMP = "the stride of this layer is in the jump; it counts for the layers behind"
K_JUMPS = "K jumps are added, not K - 1"
OWN_STRIDE = "the jump is the stride of this layer"
ALONE = "the field of this layer alone is given"
STAYS = "the field is that of the layer before"
TWICE_BEFORE = "the field before is multiplied with the window"
NOT_AVERAGED = "the map is kept as it is, not averaged to one number a channel"
LARGEST = "the channels of one branch are given, not their sum"

# The dialogue.
HEAD = "{name}, {size}: {layers} to predict"
HOW = "an empty answer shows the cell, Ctrl-D ends"
MANY = "layers {first} to {last} of {all}"
ALL = "{all} layers"
LAYER = "{number}  {path}: {what}"
PROMPT = "  {asked}: "
RIGHT = "    right"
WRONG = "    no, {value}"
SHOWN = "    {value}"
UNREADABLE = "{answer} cannot be read; write {how}, for instance {example}"
A_NUMBER, A_SHAPE = "a whole number, or one with k, M, G, kB, KiB …", "sizes"
END = "{right} of {asked} right"
END_WRONG = "{right} of {asked} right; to look at again: {what}"
ENDED = "ended; {rest}"
NOTHING = "nothing was answered"

# What is refused.
NO_ANSWERS = "learn: --answers: {file} cannot be read ({why})"
NO_CELLS = "learn: --cells must be some of {all}; received {cells}"
BEYOND = "learn: --first must be at most the number of layers, {all}; received {first}"
NO_LAYERS = "learn: {name} has no layer that could be asked for"

# The step.
NOT_YET = "predict {cell} of {layer}: replace None"
NO_TABLE = "the file must keep PREDICTIONS, a dict of layers, each a dict of cells; it has {kind}"
NO_ROW = "PREDICTIONS must keep the layer {layer} with {cells}; it has {found}"
CELL = "{layer}, {cell}: {answer} is not right"
