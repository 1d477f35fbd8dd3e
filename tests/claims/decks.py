"""Made-up sentences of decks: right numbers, planted slips, and sentences that cannot be read; English and Korean.

All numbers are worked out here, by plain formulas and from the table of published networks, never by the checker.
"""

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path

ZOO = json.loads(gzip.decompress((Path(__file__).parents[1] / "data" / "zoo.json.gz").read_bytes()))
NAMES = {
    "vgg11": ("VGG-11", "VGG11", "vgg 11"),
    "vgg16": ("VGG-16", "VGG16", "vgg16"),
    "vgg19": ("VGG-19", "VGG19"),
    "resnet18": ("ResNet-18", "ResNet18"),
    "resnet34": ("ResNet-34", "resnet34"),
    "resnet50": ("ResNet-50", "ResNet50", "ResNet 50"),
    "resnet101": ("ResNet-101", "ResNet101"),
    "resnet152": ("ResNet-152", "ResNet152"),
    "densenet121": ("DenseNet-121", "DenseNet121"),
    "mobilenet_v2": ("MobileNetV2", "MobileNet-v2", "MobileNet v2"),
    "squeezenet1_0": ("SqueezeNet", "SqueezeNet 1.0"),
    "efficientnet_b0": ("EfficientNet-B0", "EfficientNet B0"),
    "resnext50_32x4d": ("ResNeXt-50", "ResNeXt-50 (32x4d)"),
}
KOREAN = {
    "vgg16": "VGG-16",
    "resnet50": "레즈넷-50",
    "alexnet": "알렉스넷",
    "vgg19": "VGG-19",
    "resnet101": "ResNet-101",
}
ALEXNET = (  # kernel, channels in of a group, channels out, side of the map, groups
    (11, 3, 96, 55, 1),
    (5, 48, 256, 27, 2),
    (3, 256, 384, 13, 1),
    (3, 192, 384, 13, 2),
    (3, 192, 256, 13, 2),
)
ALEXNET_FC = ((9216, 4096), (4096, 4096), (4096, 1000))
VGG16 = (  # channels in, channels out, side of the map
    *((3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112)),
    *((128, 256, 56), (256, 256, 56), (256, 256, 56)),
    *((256, 512, 28), (512, 512, 28), (512, 512, 28)),
    *((512, 512, 14), (512, 512, 14), (512, 512, 14)),
)
VGG16_FC = ((25088, 4096), (4096, 4096), (4096, 1000))


@dataclass(frozen=True)
class Sentence:
    """A sentence; `slip` begins the key that the checker must find; "" for a right number, None for no claim."""

    text: str
    slip: str | None


def alexnet(of):
    """Add up "parameters", "weights" or "macs" of AlexNet as published."""
    total = 0
    for k, c, o, side, _ in ALEXNET:
        weights = k * k * c * o
        total += {"parameters": weights + o, "weights": weights, "macs": weights * side * side}[of]
    for m, o in ALEXNET_FC:
        total += m * o + (o if of == "parameters" else 0)
    return total


def vgg16(of):
    """Add up "parameters", "weights", "macs" or "maps" of VGG-16."""
    total = 0
    for c, o, side in VGG16:
        weights = 9 * c * o
        total += {"parameters": weights + o, "weights": weights, "macs": weights * side**2, "maps": o * side**2}[of]
    for m, o in VGG16_FC:
        total += {"parameters": m * o + o, "weights": m * o, "macs": m * o, "maps": o}[of]
    return total


def written(value, digits, style):
    """Write a number with so many digits in one of the styles."""
    if style == "exact":
        return f"{value:,}"
    if style == "korean":
        rounded = round(value, digits - len(str(value)))
        parts, rest = [], rounded
        for unit, factor in (("억", 10**8), ("만", 10**4)):
            if rest >= factor:
                parts.append(f"{rest // factor:,}{unit}")
                rest %= factor
        return " ".join(parts) + (f" {rest:,}" if rest else "")
    scale, letter, word = next(one for one in SCALES if value >= one[0])
    before = len(str(value // scale))
    number = f"{value / scale:.{max(0, digits - before)}f}"
    if digits < before:
        number = str(round(value / scale, digits - before)).removesuffix(".0")
    return f"{number}{letter}" if style == "letter" else f"{number} {word}"


SCALES = ((10**9, "G", "billion"), (10**6, "M", "million"), (10**3, "K", "thousand"))
ENGLISH = {
    "parameters": (
        "{net} has {n} parameters",
        "The {net} network contains about {n} parameters.",
        "{net}: {n} params",
        "The number of parameters of {net} is {n}",
        "There are {n} parameters in {net}.",
        "With {n} parameters, {net} is a large model",
        "As we saw last week, {net} has roughly {n} learnable parameters!",
        "- **{net}** ({n} parameters)",
    ),
    "macs": (
        "{net} needs {n} MACs",
        "{net} needs about {n} multiply-adds per image.",
        "A forward pass of {net} takes {n} multiply-accumulates",
        "The computational cost of {net} is {n} MACs",
        "{net} requires {n} multiply-accumulate operations for one image",
    ),
    "flops": ("{net} needs {n} FLOPs", "{net} takes {n} floating-point operations per image", "FLOPs of {net}: {n}"),
}
OF_KOREA = {
    "parameters": (
        "{net}의 파라미터는 {n}개이다",
        "{net}은 총 {n} 개의 파라미터를 가진다.",
        "{net}의 파라미터 수는 약 {n}개입니다.",
        "{net}에는 {n}개의 매개변수가 있다",
    ),
    "macs": ("{net}의 곱셈-덧셈 연산은 {n} 번이다", "{net}은 이미지 한 장에 {n} MACs가 필요하다"),
}


class Maker:
    """Draws sentences."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def say(self, name, of, value, digits, *, korean=False):
        """Write a sentence about a network."""
        if korean:
            form = self.rng.choice(OF_KOREA[of])
            style = self.rng.choice(("korean", "exact") if digits > 8 else ("korean",))
            return form.format(net=KOREAN.get(name, name), n=written(value, digits, style))
        form = self.rng.choice(ENGLISH[of])
        style = "exact" if digits > 8 else self.rng.choice(("letter", "word"))
        return form.format(net=self.rng.choice(NAMES.get(name, ("AlexNet",))), n=written(value, digits, style))

    def right(self):
        """Return a sentence whose number is right."""
        way = self.rng.randrange(10)
        name = self.rng.choice(list(NAMES))
        if way < 3:
            return Sentence(self.say(name, "parameters", ZOO[name]["params"], self.rng.choice((2, 3, 4, 9))), "")
        if way < 5:
            return Sentence(self.say(name, "macs", ZOO[name]["macs_conv_linear"], self.rng.choice((2, 3, 4))), "")
        if way == 5:
            return Sentence(self.say(name, "flops", 2 * ZOO[name]["macs_conv_linear"], 3), "")
        if way == 6:
            name = self.rng.choice(list(KOREAN))
            value = alexnet("parameters") if name == "alexnet" else ZOO[name]["params"]
            return Sentence(self.say(name, "parameters", value, self.rng.choice((2, 3, 4)), korean=True), "")
        return Sentence(self.rng.choice((self.layer, self.size, self.stack, self.ratio))(), "")

    def layer(self, groups=1, wrong=1):
        """A convolution that is described."""
        k, side = self.rng.choice((1, 3, 5, 7)), self.rng.choice((7, 14, 28, 56))
        c, o = (self.rng.choice((64, 96, 128, 192, 256, 512)) for _ in range(2))
        n = k * k * c // groups * o * wrong
        more = f", {groups} groups" if groups > 1 else ""
        forms = [
            (f"conv {k}x{k} {c}->{o}{more} @{side}x{side} needs {{n}} MACs", n * side * side),
            (f"A {k}×{k} convolution from {c} to {o} channels{more} has {{n}} weights", n),
            (f"입력 채널 {c}, 출력 채널 {o}인 {k}x{k} 합성곱의 가중치는 {{n}}개이다", n),
            (f"A {k}x{k} conv with {c} input channels and {o} output channels{more} has {{n}} weights.", n),
        ]
        text, value = self.rng.choice([form for form in forms if groups == 1 or "그" in form[0] or "입" not in form[0]])
        return text.format(n=f"{value:,}" if self.rng.random() < 0.5 else written(value, 4, "letter"))

    def size(self, one=1):
        """The size that a convolution leaves."""
        k, s, p = self.rng.choice(((3, 1, 0), (3, 2, 1), (5, 1, 2), (7, 2, 3), (11, 4, 2), (5, 1, 0)))
        n = self.rng.choice((32, 64, 96, 112, 128))
        out = (n + 2 * p - k) // s + one
        return f"A {k}x{k} convolution with stride {s} and padding {p} on {n}x{n} gives {out}x{out}"

    def stack(self, wrong=0):
        """Small kernels against a large one."""
        times, word, ko = self.rng.choice(((2, "two", "두"), (3, "three", "세"), (4, "four", "네")))
        k = self.rng.choice((3, 5))
        field = 1 + times * (k - 1) + wrong
        return self.rng.choice(
            (
                f"{word} {k}x{k} convolutions have a receptive field of {field}x{field}",
                f"The receptive field of {word} stacked {k}×{k} convolutions is {field}×{field}.",
                f"{k}x{k} 합성곱 {ko} 개의 수용 영역은 {field}x{field}이다",
                f"{word} {k}x{k} conv layers have {times * k * k + wrong}C² weights",
            )
        )

    def ratio(self):
        """Two networks."""
        a, b = self.rng.sample([name for name in NAMES if name.startswith(("vgg", "res"))], 2)
        value = ZOO[a]["params"] / ZOO[b]["params"]
        x, y = NAMES[a][0], NAMES[b][0]
        if value > 1.2:
            return self.rng.choice(
                (
                    f"{x} has {value:.2f} times more parameters than {y}",
                    f"{x} has {value:.1f}x the parameters of {y}",
                    f"{x}는 {y}보다 파라미터가 {value:.2f}배 많다",
                )
            )
        return f"{x} has {100 * (1 - value):.1f} % fewer parameters than {y}" if value < 1 else self.stack()

    def slip(self):
        """Return a sentence with a planted slip."""
        name = self.rng.choice([one for one in NAMES if one != "squeezenet1_0"])
        macs, params = ZOO[name]["macs_conv_linear"], ZOO[name]["params"]
        korean = self.rng.random() < 0.3 and name in KOREAN
        c, o, side = self.rng.choice(VGG16[1:])
        row = 9 * c * o
        ways = (
            lambda: (self.say(name, "macs", 2 * macs, 3, korean=korean), "flops for macs"),
            lambda: (self.say(name, "flops", macs, 3), "macs for flops"),
            lambda: (self.say(name, "parameters", params * self.rng.choice((10, 100)), 3, korean=korean), "power"),
            lambda: (self.say(name, "macs", macs * 10, 3, korean=korean), "power"),
            lambda: (self.say("vgg16", "parameters", vgg16("parameters") - row - o, 9), "left out"),
            lambda: (self.say("vgg16", "macs", vgg16("macs") - row * side**2, 4), "left out"),
            lambda: (self.say("vgg16", "parameters", vgg16("parameters") + row + o, 9), "twice"),
            lambda: (self.say("vgg16", "macs", vgg16("macs") + row * side**2, 4), "twice"),
            lambda: (self.say("vgg16", "parameters", vgg16("weights"), 9), "biases out"),
            lambda: (self.say("alexnet", "parameters", alexnet("weights"), 9, korean=korean), "biases out"),
            lambda: (f"The weights of VGG-16 take {4 * vgg16('parameters') / 2**20:.0f} MB", "binary"),
            lambda: (f"AlexNet's weights take {4 * alexnet('parameters') / 2**20:.1f} MB in float32", "binary"),
            lambda: (f"{NAMES[name][0]} needs {macs / 1024**3:.3f} GMACs", "1024"),
            lambda: ("AlexNet has 62,378,344 parameters", "of without its two groups"),
            lambda: (
                f"conv 3x3 {c}->{o}, 4 groups @{side}x{side} needs {row * side * side:,} MACs",
                "groups forgotten",
            ),
            lambda: (f"VGG-16 has {vgg16('maps') + 3 * 224 * 224:,} activations", "input"),
            lambda: ("GoogLeNet has 13.4M parameters", "aux in"),
            lambda: ("GoogLeNet without auxiliary heads has 13.4M parameters", "aux in"),
            lambda: ("GoogLeNet with auxiliary heads has 7.0M parameters", "aux out"),
            lambda: ("An 11x11 convolution with stride 4 on 224x224 gives 55x55", "224 taken for 227"),
            lambda: ("(224 - 11) / 4 + 1 = 55", "224 taken for 227"),
            lambda: ("VGG-16 has 2.27 % more parameters than AlexNet", "percent"),
            lambda: ("GoogLeNet has 8.7 % fewer parameters than AlexNet", "percent"),
            lambda: (self.size(0), "the + 1 forgotten"),
            lambda: (f"VGG-16 needs {vgg16('macs') - sum(m * n for m, n in VGG16_FC):,} MACs", "convs alone"),
        )
        return Sentence(*self.rng.choice(ways)())

    def unreadable(self):
        """Return a sentence that must not be judged."""
        name = self.rng.choice(list(NAMES))
        net, n = NAMES[name][0], written(ZOO[name]["params"], 3, "letter")
        return Sentence(
            self.rng.choice(
                (
                    f"{net} does not have {n} parameters",
                    f"{net} was trained for {self.rng.randrange(60, 100)} epochs on 4 GPUs",
                    f"{net} reaches a top-5 error of {self.rng.randrange(3, 9)}.{self.rng.randrange(10)} %",
                    f"{net} and AlexNet have {n} parameters",
                    f"A pruned {net} has {n} parameters",
                    f"Swin-T has {n} parameters",
                    f"VGG has {n} parameters",
                    f"{net} needs {n} of memory",
                    f"{net} has {n} FLOPs and parameters",
                    f"Removing the last layer of {net} leaves {n} parameters",
                    f"Half of {net} has {n} parameters",
                    f"{net} without its first block has {n} parameters",
                    f"Each of the 5 copies of {net} has {n} parameters",
                    f"ImageNet에는 {n}장의 이미지가 있다",
                    f"{net}은 {n}개의 파라미터를 갖지 않는다",
                    f"{net}의 정확도는 {self.rng.randrange(60, 99)}.5%이다",
                    f"Page {self.rng.randrange(100)} of {self.rng.randrange(100, 200)}",
                    f"In 2012, {self.rng.randrange(100)} teams took part",
                    f"{net} has {n} wheights",
                    f"{net} uses a 3x3 kernel",
                    f"A 3x3 convolution has {self.rng.randrange(100)} weights",
                    f"If {net} had twice the layers, it would have {n} parameters",
                    f"We fine-tuned {net}, {n} parameters in all, on CIFAR-10",
                    f"{net} has {n} parameters more",
                    f"An ensemble of seven {net} has {n} parameters",
                    f"{net} has between 1 and {n} parameters",
                )
            ),
            None,
        )

    def deck(self, n):
        """Return sentences of all kinds, two fifths of them right, two fifths wrong."""
        return [self.rng.choice((self.right, self.right, self.slip, self.slip, self.unreadable))() for _ in range(n)]
