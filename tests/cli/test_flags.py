"""Options are parsed as spf13/pflag parses them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli.errors import CliError
from sampan.cli.flags import (
    Command,
    Flag,
    FlagError,
    HelpWanted,
    check_arguments,
    parse,
)

FLAGS = (
    Flag("all", "bool", short="a"),
    Flag("interactive", "bool", short="i"),
    Flag("tty", "bool", short="t"),
    Flag("name", "string", short="n"),
    Flag("last", "int", default=-1),
    Flag("publish", "list", short="p"),
    Flag("net", "string", alias="network"),
    Flag("network", "string"),
    Flag("alias", "strings"),
    Flag("sig-proxy", "bool", default=True),
    Flag("weight", "uint16"),
    Flag("interval", "duration"),
)


@pytest.mark.parametrize(
    ("args", "changed", "positional"),
    [
        (["-a"], {"all": True}, []),
        (["-it"], {"interactive": True, "tty": True}, []),
        (["-itn", "x"], {"interactive": True, "tty": True, "name": "x"}, []),
        (["-nx"], {"name": "x"}, []),
        (["-n=x"], {"name": "x"}, []),
        (["-n", "-x"], {"name": "-x"}, []),
        (["--name=x=y"], {"name": "x=y"}, []),
        (["--name", "x"], {"name": "x"}, []),
        (["--name="], {"name": ""}, []),
        (["--all=false"], {"all": False}, []),
        (["--sig-proxy=0"], {"sig-proxy": False}, []),
        (["-p80:80", "-p", "81"], {"publish": ["80:80", "81"]}, []),
        (["--alias", "a,b", "--alias", "c"], {"alias": ["a", "b", "c"]}, []),
        (["--net", "host"], {"network": "host"}, []),
        (["x", "-a", "y"], {"all": True}, ["x", "y"]),
        (["--", "-a"], {}, ["-a"]),
        (["x", "--", "-a"], {}, ["x", "-a"]),
        (["-"], {}, ["-"]),
        (["--last", "0x10"], {"last": 16}, []),
        (["--last=-1"], {"last": -1}, []),
        (["--interval", "1m30s"], {"interval": 90 * 10**9}, []),
    ],
)
def test_forms_that_pflag_accepts(args, changed, positional):
    options, rest = parse(FLAGS, args)
    assert {name: options[name] for name in options.changed} == changed
    assert rest == positional


def test_options_after_the_first_argument_belong_to_the_program_of_run():
    options, rest = parse(FLAGS, ["-a", "image", "-t", "--name"], interspersed=False)
    assert options.changed == {"all"}
    assert rest == ["image", "-t", "--name"]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--foo"], "unknown flag: --foo"),
        (["--foo=bar"], "unknown flag: --foo"),
        (["-Z"], "unknown shorthand flag: 'Z' in -Z"),
        (["-aZ"], "unknown shorthand flag: 'Z' in -aZ"),
        (["--name"], "flag needs an argument: --name"),
        (["-n"], "flag needs an argument: 'n' in -n"),
        (["-an"], "flag needs an argument: 'n' in -an"),
        (["--=x"], "bad flag syntax: --=x"),
        (["---x"], "bad flag syntax: ---x"),
        (
            ["-i=maybe"],
            'invalid argument "maybe" for "-i, --interactive" flag: '
            'strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (
            ["--last", "x"],
            'invalid argument "x" for "--last" flag: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (
            ["--weight", "70000"],
            'invalid argument "70000" for "--weight" flag: '
            'strconv.ParseUint: parsing "70000": value out of range',
        ),
        (
            ["--interval", "1"],
            'invalid argument "1" for "--interval" flag: time: missing unit in duration "1"',
        ),
    ],
)
def test_mistakes_are_told_in_pflags_words(args, text):
    with pytest.raises(FlagError) as caught:
        parse(FLAGS, args)
    assert str(caught.value) == text


@pytest.mark.parametrize(("args", "shorthand"), [(["--help"], False), (["-h"], True), (["-ah"], True)])
def test_help_is_always_there(args, shorthand):
    with pytest.raises(HelpWanted) as caught:
        parse(FLAGS, args)
    assert caught.value.shorthand is shorthand


def test_a_short_h_of_its_own_is_not_help():
    options, _ = parse((Flag("hostname", "string", short="h"),), ["-h", "x"])
    assert options["hostname"] == "x"


@pytest.mark.parametrize(
    ("args", "count", "text"),
    [
        ((0, 0), 1, "'sampan x' accepts no arguments"),
        ((1, None), 0, "'sampan x' requires at least 1 argument"),
        ((2, None), 1, "'sampan x' requires at least 2 arguments"),
        ((2, 2), 3, "'sampan x' requires 2 arguments"),
        ((0, 1), 2, "'sampan x' requires at most 1 argument"),
        ((1, 2), 0, "'sampan x' requires at least 1 and at most 2 arguments"),
    ],
)
def test_wrong_numbers_of_arguments(args, count, text):
    command = Command("USE", lambda *_: 0, args=args)
    with pytest.raises(CliError) as caught:
        check_arguments(command, "sampan x", count)
    assert caught.value.message.startswith(f"sampan: {text}\n\nUsage:  sampan x USE\n\n")
    assert caught.value.code == 1


@given(st.lists(st.text(max_size=6), max_size=6))
def test_no_command_line_breaks_the_parser(args):
    try:
        parse(FLAGS, args)
    except (FlagError, HelpWanted):
        pass
