"""Pages of operations, as files: complete, small, in two languages, and refused in one line where they cannot be."""

import ast
import json
import re
from importlib import resources

import numpy as np
import pytest

from minidl import teach
from minidl.cli._app import run
from minidl.teach.explorer.gather import gather
from minidl.teach.explorer.page import SCRIPTS, assets, write_page
from minidl.teach.explorer.settings import MOST_CELLS, OPERATIONS, complete
from minidl.teach.explorer.words import LANGUAGES, words

MOST = 300_000  # bytes of a page
HOLES = re.compile(r"\{(\w+)\}")


def script(name):
    return resources.files("minidl.teach.explorer").joinpath(f"page/js/{name}.js").read_text(encoding="utf-8")


def test_every_language_has_the_same_strings_with_the_same_holes():
    tables = {language: words(language) for language in LANGUAGES}
    for language, table in tables.items():
        assert set(table) == set(tables["en"]), language
        for key, text in table.items():
            assert text.strip()
            assert set(HOLES.findall(text)) == set(HOLES.findall(tables["en"][key])), (language, key)


def test_no_string_that_is_asked_for_is_missing():
    known = set(words("en"))
    asked = {f"{table}.{op}" for table in ("title", "lead") for op in OPERATIONS}
    asked |= {f"controls.{one}" for operation in OPERATIONS.values() for one in operation.settings}
    for code in map(script, SCRIPTS):
        asked |= set(re.findall(r'\bsay\("([\w-]+\.[\w-]+)"', code))
        asked |= {f"trace.{key}" for key in re.findall(r'\.say\("(\w+)"', code)}
        asked |= {
            f"array.{key}" for key in re.findall(r'\bplanes\("(\w+)"|\btitle: "(\w+)"', code) for key in key if key
        }
    assert len(asked) > 100
    assert asked - known == set()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("op", OPERATIONS)
def test_a_page_is_small_and_refers_to_nothing_outside(op, lang):
    html = teach.explore(op, lang=lang).html
    assert len(html.encode()) <= MOST
    assert f'<html lang="{lang}">' in html
    assert set(re.findall(r'(?:src|href|action)="([^"]*)"', html)) <= {"data:,"}
    assert not re.search(r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|(?<!\()\beval\(", html)
    assert html.count("<script>") == html.count("</script>") == 1


def test_the_largest_page_is_small_too():
    numbers = np.random.default_rng(0).standard_normal((8, 16, 16))
    page = teach.explore("conv", input=(8, 16, 16), filters=8, kernel=2, stride=2, numbers={"x": numbers})
    assert len(page.html.encode()) <= MOST


def test_without_arguments_it_is_the_example_of_the_lecture():
    scene = gather("conv", complete("conv", {}))
    assert scene.engine["y"][0, 0, 0] == 308 - 498 + 164 + 1 == -25
    assert scene.engine["y"].shape == (2, 4, 4)
    assert scene.printed == {"x": (3, 3, 3), "w": (1, 3, 3, 3), "b": (1,)}
    again = gather("conv", complete("conv", {}))
    assert all((again.numbers[name] == array).all() for name, array in scene.numbers.items())


def test_the_numbers_of_the_page_are_those_of_the_engine():
    html = teach.explore("max-pool", input=(1, 4, 4)).html
    state = json.loads(re.search(r'getElementById\("explorer"\), (\{.*\})\);\n', html).group(1))
    scene = gather("max-pool", complete("max-pool", {"input": (1, 4, 4)}))
    assert state["engine"]["winners"] == scene.engine["winners"].ravel().tolist()
    assert state["x"] == scene.numbers["x"].ravel().tolist()


def test_without_a_script_the_forward_pass_is_there_as_a_picture():
    html = teach.explore("conv").html
    picture = re.search(r"<noscript>(.*)</noscript>", html, re.S).group(1)
    assert words("en")["page.no_script"] in picture
    assert "<td>−25</td>" in picture
    assert picture.count("<table>") == 3 + 6 + 1 + 2  # planes of x, kernels, b, planes of y


def test_numbers_of_ones_own_cannot_end_the_script():
    scene = gather("conv", complete("conv", {}))
    scene.note = "</script><b>"
    assert "</script><b>" not in write_page(scene)


def test_a_page_in_a_notebook_is_a_frame_of_its_own():
    html = teach.explore("lrn")._repr_html_()
    assert html.startswith("<iframe srcdoc=")
    assert "<script" not in html  # all of it is escaped
    assert "minidlExplorer" in html


def test_assets_show_nothing_by_themselves():
    found = assets("ko")
    assert "합성곱" in found.script
    assert ".open(document" not in found.script
    assert "</script" not in found.script


REFUSED = {
    "conv --kernel 9": "conv2d: the kernel is larger than the padded input: dilation * (KH - 1) + 1 = 1 * (9 - 1",
    "conv --groups 2": "conv2d: x has 3 channels but w expects 2 (w.shape[1] * groups = 1 * 2)",
    "conv --stride 0": "conv2d: stride must be an int or a pair of ints >= 1; received stride=(0, 0)",
    "conv --input 3x224x224": "explore: an input of 3x224x224 is too large to draw; the most is 8x16x16; take a",
    "conv --input 3x16x16 --kernel 5 --padding 2": "explore: the matrix of columns has 75 * 256 = 19200 cells, t",
    "conv --input 6x6": "explore: input is written CxHxW, such as 3x6x6; received input='6x6'",
    "conv --padding 1,2": "explore: padding is written 1, 1x2 (rows x columns) or top,bottom,left,right; receive",
    "conv --set eps=1": "explore: conv has no setting eps; did you mean",
    "conv --set eps": "explore: --set takes NAME=VALUE, such as eps=0.001; received 'eps'",
    "max-pool --groups 2": "explore: max-pool has no setting groups; did you mean",
    "max-pool --padding 2": "max_pool2d: padding must be at most half the kernel, 2 // 2 = 1;",
    "conv-transpose --filters 3 --groups 2": "explore: filters must be divisible by groups; received filters=3,",
    "batch-norm --input 2x1x1 --set batch=1": "batch_norm: training needs more than one value per channel, there",
    "avg-pool --set ceil_mode=3": "explore: ceil_mode must be True or False; received ceil_mode=3",
    "lrn --set convention=caffe": "local_response_norm: convention must be one of 'paper', 'torch'; received con",
    "relu": "explore: there is no operation 'relu'; there are conv, conv-transpose, depthwise, max-pool, avg-poo",
    "conv --out no/such/folder/a.html": "no/such/folder/a.html: No such file or directory",
}


@pytest.mark.parametrize("typed, line", REFUSED.items())
def test_what_cannot_be_shown_is_one_line_and_no_file(capsys, monkeypatch, tmp_path, typed, line):
    monkeypatch.chdir(tmp_path)
    assert run(["explore", *typed.split(), "--no-open"]) == 1
    out, said = capsys.readouterr()
    assert said.startswith(f"minidl: {line}")
    assert (out, said.count("\n"), [*tmp_path.iterdir()]) == ("", 1, [])


def test_the_command_writes_a_page_and_says_where(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run(["explore", "conv", "--padding", "0,1,0,1", "--stride", "2x1", "--lang", "ko"]) == 0
    assert capsys.readouterr().out == "conv.html: conv2d, 3×6×6 -> 2×3×5\n"
    assert "합성곱" in (tmp_path / "conv.html").read_text("utf-8")
    assert (
        run(["explore", "max-pool", "--set", "ceil_mode=true", "--kernel", "3", "--input", "1x8x8", "--out", "a.html"])
        == 0
    )
    assert capsys.readouterr().out == "a.html: max_pool2d, 1×8×8 -> 1×3×3\n"


def test_a_desktop_gets_the_page_opened(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    for switch in ([], ["--no-open"]):
        assert run(["explore", "lrn", "--out", str(tmp_path / "a.html"), *switch]) == 0
    assert opened == [(tmp_path / "a.html").as_uri()]


def test_the_scripts_are_all_joined():
    folder = resources.files("minidl.teach.explorer").joinpath("page/js")
    assert sorted(one.name for one in folder.iterdir()) == sorted(f"{name}.js" for name in SCRIPTS)
    assert all(len(script(name).splitlines()) <= 420 for name in SCRIPTS)
    assert ast.literal_eval(re.search(r"cells: (\d+)", script("judge")).group(1)) == MOST_CELLS
