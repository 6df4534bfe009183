"""The libraries: each function as its documentation's examples show it."""

from __future__ import annotations

from typing import Any

import pytest

from podo.cel.budget import Budget
from podo.cel.environment import Environment
from podo.cel.library import authorizing
from podo.cel.library.authorizing import Question
from podo.cel.program import CompileError, compile
from podo.cel.values import CelError

ENVIRONMENT = Environment({"authorizer": authorizing.AUTHORIZER, "authorizer.requestResource": authorizing.RESOURCE})


def value_of(expression: str, variables: dict[str, Any] | None = None, budget: Budget | None = None) -> Any:
    return compile(expression, ENVIRONMENT).evaluate(variables or {}, budget)


@pytest.mark.parametrize(
    "expression",
    [
        # lists
        "['a', 'b'].isSorted() && ![2, 1].isSorted() && [].map(x, 1).isSorted()",
        "[1, 3].sum() == 4 && [1.0, 0.5].sum() == 1.5 && [1u].sum() == 1u",
        "[duration('1m'), duration('1h')].sum() == duration('61m')",
        "[2, 1, 3].min() == 1 && ['a', 'c', 'b'].max() == 'c' && [1, 2].max() < [3, 4].min()",
        "[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [1].indexOf(5) == -1",
        "['a', 'b'].indexOf('b') == 1 && [1, 2].sort() == [1, 2] && [3, 1].sortBy(x, -x) == [3, 1]",
        "[1, 1, 2].distinct() == [1, 2] && [[1], [2, [3]]].flatten() == [1, 2, [3]] && lists.range(3) == [0, 1, 2]",
        "[1, 2, 3].slice(1, 3) == [2, 3] && [1, 2].reverse() == [2, 1] && [1, 2].first().value() == 1",
        "sets.contains([1, 2], [2]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])",
        # regex
        "'abc 123'.find('[0-9]+') == '123' && 'xyz'.find('[0-9]+') == ''",
        "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
        "'123 abc 456'.findAll('xyz') == [] && '1, 2, 3, 4'.findAll('[0-9]+').map(x, int(x)).sum() < 100",
        # url
        "url('https://example.com:80/').getHost() == 'example.com:80'",
        "url('https://example.com:80/').getHostname() == 'example.com' && url('https://[::1]:80/').getPort() == '80'",
        "url('https://[::1]:80/').getHostname() == '::1' && url('/path').getHost() == ''",
        "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
        "url('https://example.com/?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
        "url('https://example.com').getScheme() == 'https' && url('/path').getScheme() == ''",
        "isURL('https://user:pass@example.com:80/path?query=val#fragment') && !isURL('../relative-path')",
        # quantity
        "quantity('500000G').isInteger() && quantity('50k').asInteger() == 50000 && !quantity('50m').isInteger()",
        "quantity('50k').add(quantity('20k')) == quantity('70k') && quantity('50k').sub(20000) == quantity('30k')",
        "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
        "quantity('200M').compareTo(quantity('0.2G')) == 0 && quantity('-1').sign() == -1",
        "quantity('150Mi').isGreaterThan(quantity('100Mi')) && quantity('50M').isLessThan(quantity('100M'))",
        "quantity('1.5').asApproximateFloat() == 1.5 && isQuantity('1.3Gi') && !isQuantity('200K')",
        # ip and cidr
        "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6 && isIP('10.0.0.1') && !isIP('10.0.0.256')",
        "ip('127.0.0.1').isLoopback() && ip('0.0.0.0').isUnspecified() && ip('169.254.1.1').isLinkLocalUnicast()",
        "ip('224.0.0.1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
        "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
        "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD') && string(ip('::1')) == '::1'",
        "ip('127.0.0.1') == ip('127.0.0.1') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')",
        "cidr('192.168.0.0/24').containsIP(ip('192.168.0.1')) && cidr('192.168.0.0/24').containsIP('192.168.0.9')",
        "cidr('10.0.0.0/24').containsCIDR('10.0.0.0/25') && !cidr('10.0.0.0/24').containsCIDR('10.0.0.0/23')",
        "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && cidr('::1/128').prefixLength() == 128",
        "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
        "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/08')",
        # format
        "!format.dns1123Label().validate('my-label').hasValue()",
        "format.dns1123Label().validate('-bad').value().size() == 1",
        "format.named('dns1123Label').value().validate('x') == optional.none() && !format.named('nope').hasValue()",
        "!format.dns1123LabelPrefix().validate('web-').hasValue() && format.uuid().validate('x').hasValue()",
        "!format.qualifiedName().validate('a.b/c').hasValue() && format.labelValue().validate('-').hasValue()",
        "!format.date().validate('2021-01-01').hasValue() && format.datetime().validate('2021').hasValue()",
        "!format.byte().validate('aGVsbG8=').hasValue() && !format.uri().validate('http://a').hasValue()",
        # semver
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))",
        "semver('1.2.3').compareTo(semver('1.2.3+b')) == 0 && semver('1.0.0-2').isLessThan(semver('1.0.0-10'))",
        "isSemver('1.0.0-beta') && !isSemver('v1.0') && isSemver('v1.0', true) && semver('v01.2', true).minor() == 2",
        "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
        # strings
        "'hello'.charAt(4) == 'o' && 'hello'.charAt(5) == '' && 'hello mellow'.indexOf('ello', 2) == 7",
        "'hello mellow'.lastIndexOf('ello') == 7 && 'hello mellow'.lastIndexOf('ello', 6) == 1",
        "['hello', 'mellow'].join(' ') == 'hello mellow' && ['a'].join() == 'a' && 'TaCoCat'.lowerAscii() == 'tacocat'",
        "'hello hello'.replace('he', 'we', 1) == 'wello hello' && 'TacoCÆt Xii'.upperAscii() == 'TACOCÆT XII'",
        "'a b c'.split(' ') == ['a', 'b', 'c'] && 'a b c'.split(' ', 2) == ['a', 'b c'] && 'a b'.split(' ', 0) == []",
        "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && '  trim\\n'.trim() == 'trim'",
        "'%s has %d, %.2f%%'.format(['x', 3, 1.5]) == 'x has 3, 1.50%'",
        "'%s %s'.format([[1, 'a'], {'k': true}]) == '[1, a] {k: true}'",
        "'%x %X %b %o'.format([26, 26, 5, 8]) == '1a 1A 101 10'",
        "strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'",
        # optionals
        "optional.unwrap([optional.of(1), optional.none()]) == [1] && [optional.of(2)].unwrapOpt() == [2]",
    ],
)
def test_holds(expression: str) -> None:
    assert value_of(expression) is True


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("quantity('x')", "quantities must match the regular expression"),
        ("quantity('0.5').asInteger()", "cannot convert value to integer"),
        ("ip('x')", 'IP Address "x" parse error during conversion from string'),
        ("cidr('10.0.0.0/99')", "network address parse error during conversion from string"),
        ("url('../x')", "URL parse error during conversion from string"),
        ("semver('1')", "Semver parse error"),
        ("[].map(x, 1).min()", "min called on empty list"),
        ("'a'.charAt(2)", "index out of range: 2"),
        ("'abc'.substring(2, 1)", "invalid substring range. start: 2, end: 1"),
        ("'%d'.format(['a'])", "decimal clause can only be used on integers"),
        ("'%s'.format([])", "index 0 out of range"),
        ("duration('x')", "invalid duration"),
        ("timestamp('x')", "cannot parse"),
        ("timestamp('2020-01-01T00:00:00Z').getHours('Nowhere/No')", "unknown time zone Nowhere/No"),
        ("[2, 1].slice(0, 9)", "cannot slice(0, 9), list is length 2"),
    ],
)
def test_says_what_is_wrong_with_an_argument(expression: str, part: str) -> None:
    with pytest.raises(CelError) as raised:
        value_of(expression)
    assert part in str(raised.value)


@pytest.mark.parametrize(
    "expression",
    [
        "quantity('1') < quantity('2')",
        "ip('::1').prefixLength()",
        "quantity('1').isGreaterThan(semver('1.0.0'))",
        "'a'.sum()",
    ],
)
def test_types_of_libraries_are_checked(expression: str) -> None:
    with pytest.raises(CompileError):
        compile(expression, ENVIRONMENT)


def test_a_pattern_cannot_stall() -> None:
    assert value_of("('a' + 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').matches('^(a|a)*(a|a)*(a+)+$b')") is False


def test_the_authorizer_is_asked_what_the_expression_says() -> None:
    asked: list[Question] = []

    def ask(question: Question) -> tuple[bool, str]:
        asked.append(question)
        return question.verb == "get", "because"

    variables = {"authorizer": authorizing.authorizer(ask)}
    check = "authorizer.group('apps').resource('deployments').subresource('scale').namespace('n').name('web')"
    budget = Budget()
    assert value_of(f"{check}.check('get').allowed()", variables, budget) is True
    assert asked[-1] == Question(
        group="apps", resource="deployments", subresource="scale", namespace="n", name="web", verb="get"
    )
    assert Budget().left - budget.left > 350_000
    assert value_of("authorizer.path('/healthz').check('post').reason()", variables) == "because"
    assert asked[-1] == Question(path="/healthz", verb="post")
    assert value_of("authorizer.serviceAccount('n', 'sa').path('/x').check('get').allowed()", variables) is True
    assert asked[-1].account == ("n", "sa")
    found = authorizing.resource_check(ask, Question(resource="pods", name="a"))
    assert value_of("authorizer.requestResource.check('get').allowed()", {"authorizer.requestResource": found}) is True
    assert asked[-1] == Question(resource="pods", name="a", verb="get")
