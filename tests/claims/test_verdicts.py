"""Sentences of lecture notes and their verdicts, with the slip behind the wrong ones."""

import pytest

from minidl.teach.claims import check

CASES = [
    ("VGG-16 has 138M weights", "RIGHT", ""),
    ("AlexNet의 파라미터는 6천만 개", "RIGHT", ""),
    ("VGG-16의 가중치는 1억 3,835만 7,544개이다", "RIGHT", ""),
    ("GoogLeNet has 12x fewer parameters than AlexNet", "DEPENDS", "printed"),
    ("GoogLeNet has 12 % fewer parameters than AlexNet", "WRONG", "percent"),
    ("GoogLeNet has 5 million weights", "WRONG", "no fc, cut"),
    ("GoogLeNet has 13,378,280 parameters", "DEPENDS", "aux in"),
    ("GoogLeNet의 연산량은 150억 번이다", "WRONG", "power"),
    ("VGG-16 needs 15.5 GFLOPs", "DEPENDS", "macs for flops"),
    ("VGG-16 needs 30.9 GMACs", "WRONG", "flops for macs"),
    ("VGG-16's weights take 500 MB", "DEPENDS", "binary"),
    ("The bottleneck inception module needs 358M multiply-adds", "WRONG", "twice the 3×3 branch"),
    ("The naive inception module needs 854M multiply-adds", "RIGHT", ""),
    ("(224-11)/4+1 = 55", "WRONG", "224 taken for 227"),
    ("11x11 convolution with stride 4 on 227x227 gives 55x55", "RIGHT", ""),
    ("AlexNet conv1 has 253,440 neurons", "WRONG", "erratum"),
    ("three 3x3 convolutions have the receptive field of a 7x7", "RIGHT", ""),
    ("3x3 합성곱 세 개의 수용 영역은 7x7이다", "RIGHT", ""),
]


@pytest.mark.parametrize("text, verdict, key", CASES)
def test_a_sentence_has_its_verdict(text, verdict, key):
    (answer,) = check(text)
    assert answer.verdict == verdict, answer
    assert answer.key.startswith(key)


def test_a_layer_left_out_is_found_by_two_ratios_together():
    both = check("VGG-16 needs 25 times the memory of AlexNet and 19 times the compute")
    assert [answer.verdict for answer in both] == ["WRONG", "WRONG"]
    assert all(answer.why.startswith("vgg16: conv3_3 left out (or conv3_2, of the same size)") for answer in both)


@pytest.mark.parametrize(
    "text",
    [
        "AlexNet has 44M parameters",  # fc7 left out, or by chance: there are two digits only
        "GoogLeNet has 6.8M parameters",  # several layers fit
        "VGG-16 has 145M parameters",
        "VGG-16 needs 25 times the memory of AlexNet",
        "three 3x3 convolutions have a receptive field of 9x9",  # kernels added up, or a layer counted twice
    ],
)
def test_no_slip_is_named_where_several_fit_or_any_would(text):
    (answer,) = check(text)
    assert (answer.verdict, answer.key, answer.why) == ("WRONG", "", "")


@pytest.mark.parametrize(
    "text, why",
    [
        ("VGG has 138M weights", "which network is vgg"),
        ("VGG-17 has 138M weights", "vgg16"),
        ("VGG-16 and AlexNet have 138M weights", "mixes two networks"),
        ("VGG-16 has 138M wheights", "'wheights'"),
        ("VGG-16 does not have 138M weights", "'not'"),
        ("VGG-16 has 138 MB of layers", "bytes are no unit"),
    ],
)
def test_what_would_take_a_guess_is_refused(text, why):
    (answer,) = check(text)
    assert answer.verdict == "NOT READ"
    assert why in answer.why
