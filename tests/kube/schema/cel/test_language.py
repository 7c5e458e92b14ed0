"""What expressions give: the language as github.com/google/cel-spec says it, with Kubernetes' libraries."""

from typing import Any

import pytest

from sampan.kube.schema.cel.declarations import environment
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.program import Budget, compile
from sampan.kube.schema.cel.types import DYN, INT, STRING, list_of, map_of

ENVIRONMENT = environment(
    {"x": DYN, "i": INT, "s": STRING, "l": list_of(INT), "m": map_of(STRING, INT), "none": DYN}
)
VALUES = {
    "x": {"a": 1, "b": [1, 2, {"c": "d"}], "e": "1", "n": None, "t": True, "f": 1.5},
    "i": 7,
    "s": "größe",
    "l": [3, 1, 2],
    "m": {"one": 1, "two": 2},
    "none": None,
}


def evaluate(source: str) -> Any:
    return compile(source, ENVIRONMENT).evaluate(VALUES, Budget())


TRUE = """
1 + 2 * 3 == 7
-i == -7
(7 / 2) == 3 && (-7 / 2) == -3
7 % 3 == 1 && -7 % 3 == -1
7.0 / 2.0 == 3.5
dyn(1) == 1.0 && dyn(1u) == 1 && dyn(1.0) == 1u
1 < 1.5 && 2u > 1.5 && -1 < 1u
dyn(1) in [1.0] && dyn(2u) in [2] && !(dyn(1.5) in [1])
0x1F == 31 && 0x1Fu == 31u && 1e3 == 1000.0 && .5 == 0.5
'a' + "b" == 'ab' && b'a' + b'b' == b'ab'
'\\n\\t\\x41\\u00e9\\U0001F600\\101' == "\\n\\tA\\u00e9\\U0001F600A"
r'\\n' == '\\\\n' && '''a'b''' == "a'b"
b'\\xff' != b'\\x00' && b'ÿ'.size() == 2
'abc' < 'abd' && 'Z' < 'a' && '' < 'a'
true || x.nosuch == 1
x.nosuch == 1 || true
!(false && x.nosuch == 1) && !(x.nosuch == 1 && false)
true ? true : x.nosuch
[1, 2] + [3] == [1, 2, 3]
[dyn(1), dyn('a'), dyn(null)] != [dyn(1), dyn('a')]
{'a': 1, 'b': 2} == {'b': 2, 'a': 1}
{1: 'a'}[dyn(1u)] == 'a' && {1: 'a'}[dyn(1.0)] == 'a'
'a' in {'a': 1} && !('b' in m) && 2 in l
l[0] == 3 && m['two'] == 2 && m.two == 2 && x['b'][2].c == 'd'
has(x.a) && !has(x.nosuch) && has(x.n) && !has(x.b[2].z)
!has(none.a) && none == null
type(1) == int && type('') == string && type(x) == map && type(type(1)) == type
type(null) == null_type && type(1u) == uint && type([]) == list
size('größe') == 5 && s.size() == 5 && size(b'größe') == 7 && size(l) == 3 && m.size() == 2
'größe'.contains('öß') && s.startsWith('gr') && s.endsWith('e') && s.matches('^gr..e$')
int('7') == 7 && int(7.9) == 7 && uint(7) == 7u && double('1.5') == 1.5
string(1.5) == '1.5' && string(true) == 'true' && string(b'a') == 'a' && string(7u) == '7'
bool('true') && !bool('F') && bytes('a') == b'a'
l.all(e, e > 0) && l.exists(e, e == 2) && l.exists_one(e, e > 2) && !l.exists_one(e, e > 1)
[].all(e, false) && ![].exists(e, true)
l.map(e, e * 2) == [6, 2, 4] && l.map(e, e > 1, e * 2) == [6, 4] && l.filter(e, e > 1) == [3, 2]
m.all(k, m[k] > 0) && m.exists(k, k == 'one') && m.map(k, k).size() == 2
[1, 0].exists(e, 1 / e == 1) && ![0, 1].all(e, 1 / e > 2)
l.all(index, e, index < 3 && e > 0) && l.exists(index, e, index == 0 && e == 3) && m.all(k, v, m[k] == v)
l.transformList(index, e, e + index) == [3, 2, 4]
l.transformList(index, e, index > 0, e) == [1, 2]
m.transformMap(k, v, v * 2) == {'one': 2, 'two': 4}
m.transformMap(k, v, v > 1, v) == {'two': 2}
m.transformMapEntry(k, v, {string(v): k}) == {'1': 'one', '2': 'two'}
optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).value() == 1
x.?a.hasValue() && !x.?nosuch.hasValue() && x.?nosuch.orValue('d') == 'd' && x.?a.orValue(9) == 1
x.?nosuch.?deeper.orValue(3) == 3 && x[?'a'].orValue(0) == 1 && l[?9].orValue(5) == 5
optional.none().or(optional.of(2)).value() == 2 && optional.ofNonZeroValue(0) == optional.none()
optional.of(2).optMap(v, v + 1).value() == 3 && !optional.none().optMap(v, v).hasValue()
optional.of(2).optFlatMap(v, optional.of(v)).value() == 2
{?'a': x.?a, ?'z': x.?nosuch} == {'a': 1} && [?x.?nosuch, 1] == [1]
timestamp('2024-02-29T12:30:45.5Z').getFullYear() == 2024
timestamp('2024-02-29T12:30:45Z').getMonth() == 1 && timestamp('2024-02-29T12:30:45Z').getDate() == 29
timestamp('2024-02-29T12:30:45Z').getDayOfWeek() == 4
timestamp('2024-02-29T00:00:00Z').getDayOfYear() == 59
timestamp('2024-02-29T23:30:00Z').getHours('Europe/Berlin') == 0
timestamp(0) == timestamp('1970-01-01T00:00:00Z')
timestamp('2024-01-01T00:00:00Z').getHours('-02:30') == 21
timestamp('2024-01-01T00:00:10Z') - timestamp('2024-01-01T00:00:00Z') == duration('10s')
timestamp('2024-01-01T00:00:00Z') + duration('1h') == timestamp('2024-01-01T01:00:00Z')
duration('1h30m').getMinutes() == 90 && duration('1.5s').getMilliseconds() == 1500
duration('90s').getSeconds() == 90
string(duration('1h1.5s')) == '3601.5s'
string(timestamp('2024-01-01T00:00:00Z')) == '2024-01-01T00:00:00Z'
'hello'.charAt(1) == 'e' && 'hello'.charAt(5) == '' && 'hello'.indexOf('l') == 2
'hello'.lastIndexOf('l') == 3
'hello'.indexOf('l', 3) == 3 && 'hello'.substring(1, 3) == 'el' && 'hello'.substring(2) == 'llo'
'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']
['a', 'b'].join('-') == 'a-b'
'AbC'.lowerAscii() == 'abc' && 'AbC'.upperAscii() == 'ABC' && ' a '.trim() == 'a'
'aaa'.replace('a', 'b', 2) == 'bba' && strings.quote('a"b') == '"a\\\\"b"'
'%s has %d, %.2f, %x, %e'.format(['a', 3, 1.005, 255, 1000.0]) == 'a has 3, 1.00, ff, 1.000000e+03'
'%s'.format([[dyn(1), dyn('a')]]) == '[1, "a"]' && '%b %o %X'.format([5, 8, 'hi']) == '101 10 6869'
sets.contains([1, 2, 3], [3, 1]) && sets.equivalent([1, 2, 2], [2, 1]) && sets.intersects([1], [1, 2])
!sets.contains([1], [2]) && !sets.intersects([1], [2]) && sets.contains([], [])
[1, 2].isSorted() && ![2, 1].isSorted() && [1, 2, 3].sum() == 6 && [1.5, 0.5].sum() == 2.0
l.min() == 1 && l.max() == 3 && l.indexOf(1) == 1 && [1, 1].lastIndexOf(1) == 1 && l.indexOf(9) == -1
'a1b22'.find('[0-9]+') == '1' && 'a1b22'.findAll('[0-9]+') == ['1', '22']
'a1b22'.findAll('[0-9]+', 1) == ['1']
url('https://user@example.com:80/path?q=1').getHost() == 'example.com:80' && isURL('https://a/b')
!isURL('../a')
url('https://[::1]:80/a').getHostname() == '::1' && url('https://a:80/').getPort() == '80'
url('https://a/b%20c').getEscapedPath() == '/b%20c' && url('https://a/?k=v').getQuery() == {'k': ['v']}
ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && isIP('1.2.3.4') && !isIP('01.2.3.4')
cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')
cidr('10.0.0.0/8').prefixLength() == 8 && cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')
isCIDR('::/0')
ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1') && string(ip('::1')) == '::1'
quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('500m').add(quantity('0.5')).isInteger()
quantity('1.5k').asInteger() == 1500 && quantity('1').compareTo(quantity('1000m')) == 0 && isQuantity('1Ki')
quantity('-1').sign() == -1 && quantity('10').sub(3).asInteger() == 7 && !isQuantity('1x')
semver('1.2.3').major() == 1 && semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('1.0.0-rc.1')
semver('v1.2', true) == semver('1.2.0') && !isSemver('1.2')
semver('1.0.0-a').compareTo(semver('1.0.0')) == -1
!format.dns1123Label().validate('a-b').hasValue() && format.dns1123Label().validate('A').hasValue()
format.named('uuid').hasValue() && !format.named('nosuch').hasValue()
"""


@pytest.mark.parametrize("source", [line for line in TRUE.splitlines() if line])
def test_expressions_that_hold(source: str) -> None:
    assert evaluate(source) is True


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x.nosuch", "no such key: nosuch"),
        ("x.a.b", "no such key: b"),
        ("x.b.c", "unsupported index type 'string' in list"),
        ("l[3]", "index out of bounds: 3"),
        ("l[-1]", "index out of bounds: -1"),
        ("m['nosuch']", "no such key: nosuch"),
        ("1 / (i - 7)", "division by zero"),
        ("1 % (i - 7)", "modulus by zero"),
        ("9223372036854775807 + i", "integer overflow"),
        ("-9223372036854775807 - i", "integer overflow"),
        ("i * 9223372036854775807", "integer overflow"),
        ("uint(i) - 8u", "unsigned integer overflow"),
        ("int(1e19)", "integer overflow"),
        ("uint(-1)", "unsigned integer overflow"),
        ("x.e + 1", "no such overload"),
        ("!x.a", "no such overload"),
        ("x.a && true", "no such overload"),
        ("x.nosuch || false", "no such key: nosuch"),
        ("{'a': 1, 'a': 2}", "insert failed: key a already exists"),
        ("optional.none().value()", "optional.none() dereference"),
        ("[1, 0].all(e, 1 / e == 1)", "division by zero"),
        ("'a'.charAt(2)", "index out of range: 2"),
        ("'%d'.format(['a'])", "error during formatting"),
        ("[].min()", "min called on empty list"),
        ("quantity('1x')", "quantities must match the regular expression"),
    ],
)
def test_expressions_without_a_value(source: str, message: str) -> None:
    with pytest.raises(CelEvaluationError) as caught:
        evaluate(source)
    assert message in str(caught.value)


def test_ints_and_bools_are_never_mixed() -> None:
    assert evaluate("dyn(true) == 1") is False
    assert evaluate("dyn(1) in [true]") is False
    with pytest.raises(CelEvaluationError, match="no such key: 1"):
        evaluate("{true: 1}[dyn(1)]")
