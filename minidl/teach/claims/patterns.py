"""What of a sentence is no fixed phrase, as patterns: sizes, settings of a window, names of layers, units: data."""

from __future__ import annotations

SIGNS = {
    "×": "x",
    "✕": "x",
    "∗": "*",
    "·": "*",
    "→": "->",
    "⇒": "->",
    "≈": "~",
    "∼": "~",
    "≃": "~",
    "≥": ">=",
    "≤": "<=",
    "⌊": "floor(",
    "⌋": ")",
    "⌈": "ceil(",
    "⌉": ")",
    "−": "-",
    "–": " - ",
    "—": " - ",
    "“": '"',
    "”": '"',
    "’": "'",
    "‘": "'",
    "\\times": "x",
    "$": " ",
    "`": " ",
}

# settings of a window, each with its number -> how they are said
FEATURES = {
    "stride": (
        r"strides?\s*(?:of|=|:)?\s*(\d+)",
        r"stride-(\d+)",
        r"(?<![a-z])s\s*=\s*(\d+)",
        r"(?:스트라이드|보폭)\s*(?:가|는|은|이|=)?\s*(\d+)",
        r"(?<=\d)/(\d)(?!\d)",
    ),
    "padding": (
        r"(?:zero[\s-])?padd?(?:ing)?\s*(?:of|=|:)?\s*(\d+)",
        r"(?<![a-z])p\s*=\s*(\d+)",
        r"패딩\s*(?:이|은|=)?\s*(\d+)",
    ),
    "same": (r"same[\s-]padding|padding\s?=?\s?same|같은 패딩",),
    "valid": (r"(?:without|no|zero) padding|unpadded|valid padding|패딩\s*없이|패딩이? 없(?:는|으면)",),
    "groups": (
        r"groups?\s*(?:of|=|:)?\s*(\d+)",
        r"(?<![a-z])g\s*=\s*(\d+)",
        r"(\d+)\s*groups",
        r"(two|four|eight) groups",
        r"그룹\s*(\d+)\s*개?",
        r"(\d+)\s*개?의?\s*그룹",
    ),
    "arrow": (
        r"(\d+)\s*->\s*(\d+)(?!\s*x)",
        r"from\s+(\d+)\s+(?:channels\s+)?to\s+(\d+)(?:\s+channels)?(?!\s*x)",
        r"(\d+)\s+to\s+(\d+)\s+channels",
        r"(\d+)\s+in,?\s+(?:and\s+)?(\d+)\s+out(?![a-z])",
        r"(\d+)\s+channels\s+to\s+(\d+)",
        r"(\d+)\s+input\s+and\s+(\d+)\s+output\s+channels",
        r"(\d+)\s+channels\s+in\s+and\s+(\d+)\s+(?:channels\s+)?out(?![a-z])",
        r"채널\s*(\d+)\s*개?에서\s*(\d+)\s*개?",
    ),
    "inputs": (
        r"(\d+)\s*(?:input channels|channels in(?![a-z])|in[\s-]channels|inputs)",
        r"입력 채널\s*(?:이|은|수)?\s*(\d+)\s*개?",
        r"c(?:_in)?\s*=\s*(\d+)",
    ),
    "filters": (
        r"(\d+)\s*(?:output channels|channels out|out[\s-]channels|filters|kernels|outputs)",
        r"(?:출력 채널|필터)\s*(?:이|은|수)?\s*(\d+)\s*개?",
        r"(\d+)\s*개의?\s*(?:필터|커널)",
        r"(one|two|three|four|five|six) filters",
    ),
    "channels": (r"(\d+)\s*channels|(\d+)\s*채널|채널\s*(?:이|은|수)?\s*(\d+)\s*개?",),
    "reduction": (r"(?:reduction(?: ratio)?|ratio|(?<![a-z])r|축소 비율|축소율)\s*(?:of|=|:|은|는|이|가)?\s*(\d+)",),
    "rgb": (r"rgb(?:\s+(?:images?|pictures?|inputs?))?(?![a-z])",),
    "at": (r"@|per(?=\s+\d+\s*x\s*\d+)",),
}

# what a described thing is -> how it is called
KINDS = {
    "separable": (
        r"depthwise[\s-]separable(?:\s+(?:convolution|conv)(?![a-z]))?",
        r"깊이별 분리(?:형)? (?:합성곱|컨볼루션)|분리(?:형)? 합성곱",
    ),
    "depthwise": (r"depthwise(?:\s+(?:convolution|conv)(?![a-z]))?(?!\s*(?:layers|convs|convolutions))|깊이별 합성곱",),
    "pointwise": (r"pointwise(?:\s+(?:convolution|conv)(?![a-z]))",),
    "se": (
        r"squeeze[\s-]and[\s-]excitation|squeeze[\s-]excitation|se(?=[\s-](?:block|module|층|블록|모듈))|se\s*블록",
    ),
    "naive": (
        r"na[iï]ve(?:\s+version of the)?\s+inception(?:\s+module)?",
        r"(?:나이브|단순|단순한|na[iï]ve)\s*인셉션(?:\s*모듈)?",
        r"inception module(?=,? na[iï]ve)",
    ),
    "bottleneck": (
        r"inception(?:\s+module)?\s+with\s+(?:1x1\s+|the\s+)?"
        r"(?:bottlenecks?|bottleneck layers|dimension(?:ality)? reductions?|1x1 convolutions|1x1 convs)",
        r"bottleneck(?:ed)?\s+inception(?:\s+module)?",
        r"inception(?:\s+module)?\s+bottleneck",
        r"(?:병목|bottleneck|병목이 있는|병목을 쓴|1x1 합성곱을 쓴)\s*인셉션(?:\s*모듈)?",
    ),
    "module": (r"inception module(?!s)|인셉션 모듈",),
    "linear": (
        r"(?:a\s+)?(?:fully[\s-]connected|dense|linear)(?!\s+(?:layers|part))(?:\s+layer(?!s))?",
        r"완전 연결 층|완전연결층|완전 연결층|선형 층",
        r"(?<![a-z])fc(?=\s+(?:layer\s+)?(?:from|\d))",
    ),
    "pool": (r"(?:max|average|avg|mean)[\s-]?pool(?:ing|ed)?|최대 풀링|평균 풀링|(?<![a-z])pooling window",),
    "replace": (r"replac(?:ing|es?)(?![a-z])|substitut(?:ing|es?)(?![a-z])|대체하면|바꾸면",),
    "gap": (r"global average pooling|(?<![a-z])gap(?![a-z])|전역 평균 풀링",),
    "ordinary": (
        r"(?:an?\s+)?(?:ordinary|standard|normal|regular|usual)(?:\s+(?:one|convolution|conv)(?![a-z]))",
        r"(?:일반|보통|표준)\s*(?:합성곱|컨볼루션)",
    ),
    "conv": (
        r"convolution(?!s|al)|conv(?![a-z_\d]|\s+(?:layers|part))|convolutional layer(?!s)",
        r"합성곱(?!\s*(?:층|레이어|계층))|컨볼루션(?!\s*(?:층|레이어))",
    ),
    "year": (
        r"(?:in|since|from|of|\()\s*(?:19|20)\d\d(?![\d,.]|\s*[a-z가-힣%])",
        r"(?:19|20)\d\d년(?:에)?",
        r"(?:ilsvrc|nips|neurips|cvpr|iccv|iclr|eccv|arxiv|imagenet)[\s:'-]*(?:\d[\d.]+)",
        r"[(,]\s*(?:19|20)\d\d\)",
        r"(?:in|since)\s+(?:19|20)\d\d(?=,\s)",
        r"\[\d{1,3}(?:\s*[,-]\s*\d{1,3})?\]",
        r"(?:그림|표|식|슬라이드)\s*\d+(?:[.-]\d+)*(?![\dx])",
        r"(?:see\s+)?(?:figure|figs?|table|section|sec|slide|chapter|eq|page)\.?\s*\d+(?:\.\d+)*(?![\d%a-z.])",
    ),
}
ALL = {kind: "|".join(alternatives) for kind, alternatives in {**FEATURES, **KINDS}.items()}

SIZE = r"(\d+)((?:\s*x\s*\d+)+)(?![\d.]*\s*(?:배|times))(?![a-z0-9])"
POLYNOMIAL = r"(\d+)\s*\*?\s*c\s*(?:\^\s*2|\*\s*c|c)(?![a-z])"
LAYER = (
    r"(?<![a-z])(?:(conv|pool)\s?(\d)(?:[_.-](\d))(?!\d)|(conv|fc|pool)\s?[-_]?(\d)(?![\d_x%])|"
    r"inception[\s_-]*\(?(\d[a-e])\)?|\((\d[a-e])\)|(layer[1-4](?:\.\d+)*(?:\.conv\d)?)|"
    r"(aux(?:iliary)?[\s_-]*(?:head|classifier)?[\s_-]*([12]))|"
    r"(?:the\s+)?(first|second)\s+aux(?:iliary)?[\s_-]*(?:head|classifier))(?![a-z])"
)
# the first layer, the last fully connected layer: which, and of what kind
ORDINAL = (
    r"(?:the\s+|its\s+)?(first|second|third|fourth|fifth|last|final|1st|2nd|3rd|"
    r"첫 번째|첫번째|두 번째|두번째|세 번째|세번째|마지막)\s+"
    r"(convolutional\s+layer|convolution\s+layer|conv\s+layer|convolution|conv|합성곱\s*층|fully[\s-]connected\s+layer|"
    r"fc\s+layer|linear\s+layer|dense\s+layer|fc|완전\s*연결\s*층|fc\s*층|layer|층)(?![a-z])"
)
NTH = {
    "first": 0,
    "1st": 0,
    "첫 번째": 0,
    "첫번째": 0,
    "second": 1,
    "2nd": 1,
    "두 번째": 1,
    "두번째": 1,
    "third": 2,
    "3rd": 2,
    "세 번째": 2,
    "세번째": 2,
    "fourth": 3,
    "fifth": 4,
    "last": -1,
    "final": -1,
    "마지막": -1,
}
# unit, how it is written (the scale is the first group, the i of MiB the second), and the quantity that it names
UNITS = (
    ("bytes", r"\s*([kmgt])(i?)b(?:ytes?)?(?![a-z])", ""),
    ("bytes", r"\s*(kilo|mega|giga|tera)\s?bytes?(?![a-z])", ""),
    ("bytes", r"\s*(킬로|메가|기가)\s?바이트", ""),
    ("mebi", r"\s*(kibi|mebi|gibi)bytes?(?![a-z])", ""),
    ("bytes", r"\s*(?:bytes?(?![a-z])|바이트)", ""),
    ("macs", r"\s*([kmgtb])?[\s-]?(?:macs?|madds?|mult-adds)(?![a-z])", "macs"),
    ("flops", r"\s*([kmgtb])?[\s-]?(?:flops?|플롭스)(?![a-z])", "flops"),
    ("operations", r"\s*([kmgtb])[\s-]?(?:ops?)(?![a-z])", "operations"),
    ("%", r"\s*(?:%|percent(?![a-z])|퍼센트|프로(?![가-힣]))", ""),
    ("times", r"\s*-?\s*(?:x|times|fold)(?![a-z0-9])|\s*배", ""),
)
PREFIX = {
    "kilo": 1,
    "킬로": 1,
    "kibi": 1,
    "mega": 2,
    "메가": 2,
    "mebi": 2,
    "giga": 3,
    "기가": 3,
    "gibi": 3,
    "tera": 4,
}
SKIPPED = r"(?:with\s+)?c\s+(?:input\s+|output\s+)?channels(?![a-z])|'s(?![a-z])|[\s\"'*_#|]+|/(?=\s*[a-z])|\.(?!\d)|!"
BREAK = r"(?<!all )(?<!thing )(?<!none )but(?![a-z])|[,;:()\[\]{}]|\s-\s|->|=|&"
WORD = r"[a-z][a-z0-9'.-]*[a-z0-9]|[a-z]|[가-힣]+|\S"
