"""The words that claims are made of, in English and Korean: data.

Whoever reads a claim must know every word of it, so that none that turns its sense around is passed over. `HARMLESS`
are the words that change nothing.
"""

from __future__ import annotations

# what is counted -> how it is called
QUANTITIES = {
    "parameters": """
        parameters|parameter|params|param|learnable parameters|trainable parameters|parameter count|
        number of parameters|파라미터 수|파라미터 개수|파라미터|파라메터|매개변수|매개 변수|패러미터|모수""",
    "weights": "weights|weight|weight count|number of weights|가중치 수|가중치 개수|가중치|웨이트",
    "macs": """
        macs|mac|multiply-adds|multiply-add|multiply adds|multiply-accumulates|multiply-accumulate|mult-adds|
        mult adds|multadds|madds|madd|multiply-accumulate operations|multiply-add operations|multiply accumulates|
        multiply-accumulations|multiplications|곱셈-덧셈 연산|곱셈 덧셈 연산|곱셈-덧셈|곱셈 덧셈|곱셈-누산|
        곱셈 누산|곱셈누산|곱셈""",
    "flops": """
        flops|flop|floating-point operations|floating point operations|부동소수점 연산량|부동소수점 연산|
        부동 소수점 연산|플롭스""",
    "operations": """
        operations|operation|ops|op|conv ops|computations|computation|computational cost|compute|computing|
        연산 횟수|연산 수|연산량|연산|계산량|계산 비용|계산""",
    "memory": "memory|memory footprint|메모리 사용량|메모리",
    "weight_bytes": """
        weight memory|parameter memory|memory of the weights|memory of its weights|memory for the weights|
        memory for its weights|memory for weights|memory for parameters|memory for the parameters|weights on disk|
        memory of weights|memory of the parameters|parameters memory|weights memory|weight file|weights file|
        model size|file size|model file|가중치 메모리|가중치의 메모리|파라미터 메모리|파라미터의 메모리|모델 크기|
        파일 크기|모델의 크기""",
    "activation_bytes": """
        activation memory|activations memory|memory of the activations|memory of its activations|
        memory for the activations|memory for activations|memory for its activations|memory of activations|
        feature map memory|memory for feature maps|memory for the feature maps|memory of the feature maps|
        활성값 메모리|활성화 메모리|활성화 값 메모리|특징 맵 메모리|특징맵 메모리|활성값의 메모리|
        feature map 메모리""",
    "activations": """
        activations|activation|neurons|neuron|activation values|뉴런 수|뉴런|활성값 수|활성값|활성화 값|
        number of neurons|number of activations|values|numbers""",
    "depth": """
        weight layers|weighted layers|layers deep|layers|deep|depth|learnable layers|layers with weights|개 층|
        개의 층|층 깊이|깊이|층|레이어|계층""",
    "conv_layers": """
        convolutional layers|convolution layers|conv layers|convolutions|convs|convolutional part|conv part|
        convolutional|합성곱 층|합성곱층|합성곱 레이어|합성곱 계층|컨볼루션 층|컨볼루션 레이어|컨벌루션 층|conv 층|
        conv 레이어""",
    "fc_layers": """
        fully connected layers|fully-connected layers|fc layers|dense layers|linear layers|fcs|완전 연결 층|
        완전 연결층|완전연결 층|완전연결층|전결합층|fc 층|fc층|fc 레이어|완전 연결 레이어""",
    "pool_layers": "pooling layers|pool layers|poolings|풀링 층|풀링층",
    "pointwise_layers": """
        1x1 convolutions|1x1 convs|1x1 conv layers|pointwise convolutions|pointwise layers|1x1 합성곱""",
    "depthwise_layers": "depthwise convolutions|depthwise layers|depthwise convs|깊이별 합성곱",
    "field": """
        receptive field|sees|see|effective receptive field|theoretical receptive field|receptive fields|
        receptive field size|수용 영역|수용영역|수용장|수용 필드""",
    "output": """
        output size|output map|output shape|output|feature maps|feature map|map|maps|출력 크기|출력|특징 맵|특징맵""",
    "input": "input size|input|input picture|input image|picture|pictures|image|images|입력 크기|입력|이미지|그림",
    "inception_modules": "inception modules|inception blocks|인셉션 모듈|inception 모듈",
}

# what is said of the way in which is counted -> how it is said
QUALIFIERS = {
    "no_fc": """
        without the final fully connected layer|without the last fully connected layer|without the final fc|
        without its final fc layer|without the last linear layer|without the final linear layer|without fc|
        without the fc layer|without the final fc layer|without its last linear layer|마지막 fc 없이|
        마지막 fc를 빼면|마지막 fc를 빼고|마지막 fc 층을 빼고|without the last fc layer|without its classifier|
        without the classifier""",
    "aux": """
        with both auxiliary heads|with the auxiliary heads|with auxiliary heads|with aux heads|with the aux heads|
        with both aux heads|with its auxiliary heads|including auxiliary heads|including the auxiliary heads|
        with auxiliary classifiers|with the auxiliary classifiers|with both auxiliary classifiers|
        including the auxiliary classifiers|including aux heads|in training|during training|보조 분류기를 포함하면|
        보조 분류기 포함|보조 분류기를 포함해|보조 분류기를 포함하여|보조 분류기까지""",
    "no_aux": """
        without auxiliary heads|without the auxiliary heads|without aux heads|without its auxiliary heads|
        without the aux heads|without auxiliary classifiers|without the auxiliary classifiers|
        excluding auxiliary heads|excluding the auxiliary heads|excluding the auxiliary classifiers|
        보조 분류기 없이|보조 분류기를 빼면|보조 분류기를 빼고|보조 분류기를 제외하면|보조 분류기 제외""",
    "bias": """
        with biases|with bias|and bias|and biases|plus bias|plus biases|counting biases|with the biases|
        including biases|including bias|including the biases|편향 포함|편향을 포함하면|편향을 포함해|바이어스 포함|
        편향까지""",
    "no_bias": """
        without biases|without bias|without the biases|excluding biases|ignoring biases|no bias|excluding bias|
        편향 없이|편향 제외|편향을 빼면|편향을 빼고|편향을 제외하면|바이어스 없이|바이어스 제외""",
    "no_groups": """
        without groups|without the groups|without the two groups|ungrouped|on one gpu|그룹 없이|
        그룹을 나누지 않으면""",
    "torchvision": "torchvision's|torchvision|in torchvision|one weird trick",
    "float32": """
        in float32|in fp32|float32|fp32|32-bit|in 32-bit floats|in single precision|single precision|as float32""",
    "float16": "in float16|in fp16|float16|fp16|16-bit|in half precision|half precision|as float16|반정밀도",
    "float8": "in float8|in fp8|float8|fp8|8-bit|in int8|int8",
    "float64": "in float64|in fp64|float64|fp64|double precision",
    "per_picture": """
        per image|per picture|for one image|for one picture|for a single image|an image|one image|one picture|
        per forward pass|in a forward pass|for one forward pass|이미지 한 장에|이미지 한 장당|한 장에|장당|
        for an image|for a forward pass|for inference|at inference|in inference|per inference|추론에|추론 시""",
    "with_pools": """
        with poolings|with pooling layers|with pooling|with pools|counting pooling|counting the pooling layers|
        counting pooling layers|if pooling layers are counted|including pooling layers|including pooling|
        including the pooling layers|풀링까지|풀링 포함|풀링을 포함하면|풀링까지 포함하면|풀링층까지""",
}

# how exact a number is meant -> how it is said
RELATIONS = {
    "least": """
        at least|more than|well over|well above|just over|just above|little more than|not less than|not fewer than|
        no fewer than|no less than|exceeds|exceed|exceeding|over|above|larger than|greater than|이상|넘게|넘는|초과|
        >=|>""",
    "most": """
        at most|not more than|well under|well below|just under|just below|little less than|less than|fewer than|under|
        below|up to|no more than|이하|미만|<=|<""",
    "equal": """
        about|around|roughly|approximately|approx.|approx|nearly|almost|~|약|대략|거의|정도|쯤|가량|circa|ca.|some|
        just""",
}

# how two things are compared -> how it is said
COMPARING = {
    "fewer": """
        fewer|less|smaller|lighter|cheaper|적은|적다|적습니다|적고|적음|작은|작다|작습니다|작고|줄어든다|줄어듭니다|
        줄인다|줄입니다|감소|덜|save|saves|saved|saving""",
    "more": """
        more|larger|bigger|heavier|greater|higher|costlier|deeper|많은|많다|많습니다|많고|많음|큰|크다|큽니다|크고|
        더 깊다|깊다|깊습니다|더|늘어난다|늘어납니다""",
    "as": "as many|as much|as deep|as large|as big|the cost of|that of|those of|에 달한다|에 달합니다",
    "than": """
        than|as|compared to|compared with|relative to|versus|vs.|vs|against|보다|에 비해|대비|비하면|에 비하면""",
}

# numbers of times that are words
FRACTIONS = {
    "half": "half|절반",
    "twice": "twice|double|두 배|두배",
    "thrice": "three times|thrice|triple|세 배|세배",
}
SPELLED = {
    **{
        word: n
        for n, word in enumerate(
            [
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
                "twelve",
                "thirteen",
                "fourteen",
                "fifteen",
                "sixteen",
                "seventeen",
                "eighteen",
                "nineteen",
                "twenty",
            ],
            start=1,
        )
    },
    **{
        word: n
        for n, word in enumerate(["하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉", "열"], start=1)
    },
    "한": 1,
    "두": 2,
    "세": 3,
    "네": 4,
}


# words that change nothing


# words that change nothing


# words that change nothing


# words that change nothing


# words that change nothing


# words that change nothing
HARMLESS = frozenset(
    """
    2nd a about's according account accounts alex all alone also although altogether amount amounting amounts an and
    architecture are around as at author's authors bare be because become becomes been boast boasts budget by called
    claimed claims classic cnn color colour come comes complete compute's computes consist consists contain
    containing contains conv conv. convnet convnets convolution cost costing costs count count's counted counts
    cover cover's covering covers cvpr data deep designed developed disk eccv effective employs enormous entire
    entry equal equals even facebook famous figure first-place first-prize float floats followed for forward from
    full fully-trained geoffrey get gets give gives giving google google's had has has's have have's having he he's
    heavy held hence here him hold holds huge i iccv iclr ilsvrc imagenet impressive in include includes including
    introduced is it it's its just know known krizhevsky large learnable learned learnt lecture lie lies located
    make makes many mere microsoft million's model models most much named need needing needs net nets network
    networks nips normal note notes now number numbers occupied occupies occupy of on one openai or ordinary
    original outputs outputting overall oxford page paper pass perform performs pixel pixels popular presented
    produce produces proposed published quite ram rather recall released remember reported reports require required
    requires resolution result results rgb runner-up said say says seen she side sides simonyan since single sit
    sits size sized sizes slide slides so space spatial spending spends spent square staggering standard
    state-of-the-art stated still storage store stored stores such sum sums szegedy table take takes that the their
    them then there therefore these they this those through thus time times to top-1 top-5 total totals trainable
    two's typical up us use uses using usual value values version very was way ways we weigh weighs weighty
    well-known were where whereas which while who whole whopping whose winner winning with won yield yields you
    zisserman
    """.split()  # noqa: SIM905 - a paragraph of words is read more easily than a list
)

# words of the kind of "roughly" that change nothing; "hardly" and "allegedly" do
ADVERBS = frozenset(
    """
    actually additionally alone altogether apparently approximately basically broadly certainly clearly comfortably
    commonly comparatively completely considerably currently definitely dramatically easily effectively enormously
    entirely especially essentially evidently exactly extremely famously finally firstly frequently fully generally
    greatly heavily historically hugely immediately impressively initially largely lastly mainly merely mostly
    namely naturally nearly normally notably notoriously obviously officially only originally overwhelmingly
    particularly precisely primarily principally purely quickly really relatively remarkably respectively roughly
    secondly significantly simply slightly solely specifically strictly strikingly substantially surely surprisingly
    totally truly typically ultimately unsurprisingly usually vastly very virtually
    """.split()  # noqa: SIM905 - a paragraph of words is read more easily than a list
)

# behind them the zeros at the end of a number are digits, too
EXACT = frozenset(["exactly", "precisely", "정확히"])

# words that change nothing in a clause which says nothing itself: "as everybody knows,"
FRAMING = frozenset(
    """
    again already another back below chapter course day days easy everybody everyone example expensive fact fast
    first hand hard here however indeed instance interesting knows last lecture lesson let's look lot makes maybe
    meanwhile moreover nowadays obvious part practice practitioners quick remark remember reminder saw section see
    seen short sight slow so still student students surprise surprising teacher textbook then today too train
    unsurprising we week well where year years yes yesterday
    예 예를 예컨대 들어 들면 들자면 참고로 즉 하지만 그러나 그런데 그래서 따라서 또한 또 먼저 우선 다음 다음으로 오늘
    오늘날 지금 여러분 알다시피 아시다시피 보다시피 배웠듯이 흔히 실제로 사실 결국 결과적으로
    """.split()  # noqa: SIM905 - a paragraph of words is read more easily than a list
)

# words that change nothing where a layer is described, but might of a whole network
# Quantities that are sums over layers.
SUMS = (
    "parameters",
    "weights",
    "macs",
    "flops",
    "operations",
    "activations",
    "activation_bytes",
    "weight_bytes",
    "memory",
)

DESCRIBING = frozenset(
    """
    add adds applied applying big block channel channels consecutive convolved convolving filter filters grouped
    height instead into keep keeps kernel kernels layer module reduces same save saves small stack stacked stacking
    successive tiny turn turns width
    """.split()  # noqa: SIM905 - a paragraph of words is read more easily than a list
)

# the same in Korean
HARMLESS_KOREAN = frozenset(
    """
    가 가는 가능한 가장 가지고 가진 가진다 가집니다 값 값은 갖고 갖는다 갖습니다 갖춘 같다 같습니다 같은 개 개가
    개나 개다 개로 개를 개씩 개의 개이다 개입니다 거치면 겨우 결과 결과는 계산하면 계산한 과 과같다 관한 구성되어
    구성된 구성된다 구성됩니다 구조 구조는 구조의 그 그리고 그림 그림에서 기본 나오고 나온다 나옵니다 나와 네트워크
    네트워크는 네트워크의 논문 논문에서 논문의 는 다 단지 달한다 달합니다 대하여 대한 대해 도 동시에 동일하다
    동일한 동일합니다 되고 되는 되며 되어 된 된다 됩니다 든다 들어간다 듭니다 따라서 때 또한 라고 라면 로 를 만
    만든다 만듭니다 매우 면 모델 모델은 모델의 모델이 모두 무려 바이트 번 번의 비교하면 사용한다 사용합니다 상당히
    수 수가 수는 쌓아 쌓으면 쌓은 쓰는 쓰면 쓴다 쓸 씁니다 아주 약간 얻는다 얻습니다 에 에게 에는 에도 에서 여기
    여기서 여기에서 오직 와 우리가 우리는 원논문 원논문에서 원래 위한 위해 유명한 으로 으로는 은 을 의 의해 이 이고
    이다 이라 이라고 이루어져 이루어진 이며 이면 이상의 인 입니다 입니다만 있고 있다 있습니다 있으며 있음 장 저
    저자 저자들 적용 적용하면 적용한 전부 전체 정방 준다 줍니다 중 중에 즉 짜리 차지 차지하며 차지한다 차지합니다
    채널 채널의 총 총합 층으로 층을 층의 층이다 층입니다 커널 커널의 컨볼루션 크기 크기가 크기는 크기의 크기인
    통과하면 표 표에서 픽셀 필요로 필요하다 필요합니다 필터 필터의 하는 하다 하면 하여 학습 학습가능한 한 한다 한번
    정확히 한번에 할 합 합계 합니다 합성곱 합쳐 합쳐서 해서 회 회의 훈련
    """.split()  # noqa: SIM905 - a paragraph of words is read more easily than a list
)

# words that turn a sense around: a clause that holds one is never passed over
DENYING = frozenset(
    """
    not no never without except excluding neither nor isn't doesn't don't unlike minus if when after before unless once
    per each every pruned compressed quantized quantised distilled sparse would could batch cifar cifar-10 mnist
    scaled fine-tuned wrong incorrect myth only 만약 없이 제외 빼고 아니
    """.split()  # noqa: SIM905
)

# Whatever particles and copulas stand behind a counted thing in Korean, as a pattern.
ENDING = (
    r"(?:하나|필터|커널|블록|네트워크|모델|논문|층|값|결과|크기|합성곱|이미지|픽셀|구조|버전|입력|출력|채널|윈도우|창|연산|"
    r"개|번|회|배|장|개의|정도|가량|쯤|바이트)?"
    r"(?:이다|입니다|이고|이며|으로|로|의|를|을|가|이|은|는|예요|이에요|임|인|이면|면|라면|에는|에서는|에|에서|과|와|도|만|까지|씩|라고|"
    r"이라고|인데|이나|나)?"
    r"(?:다|이다|입니다|한다|합니다|있다|있습니다)?"
)

CALLED = {"macs": "MACs", "flops": "FLOPs"}


def called(quantity: str) -> str:
    """Return what a quantity or a kind of layers is called in an answer."""
    return CALLED.get(quantity) or quantity.replace("_", " ")
