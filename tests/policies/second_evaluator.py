"""A second evaluator of policies, written from AWS's documents and not from src/iam.

It is slow and simple on purpose, and made of other parts: a policy becomes a list of predicates,
patterns become regular expressions, and numbers, dates and addresses are those of Python's library.
Sources: IAM User Guide, "JSON policy element reference", "Condition operators", "Single-valued vs.
multivalued context keys", "Variables and tags", "Evaluation logic"; S3 User Guide, "The meaning of
public". Where AWS leaves room, src/iam/README.md says what was chosen.

    decide = compile_policy(document)     # the parsed JSON
    decide(Request(...))                  # "allow", "deny" or "none"
"""

import base64
import datetime
import decimal
import functools
import ipaddress
import re

VARIABLE = re.compile(r"\$\{(?:([*?$])|([^},']+?)\s*(?:,\s*'([^']*)'\s*)?)\}")
ASCII_LOWER = {ord(c): ord(c.lower()) for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
ACCOUNT_ARN = re.compile(r"arn:aws:iam::(\d{12}):root")


class Request:
    """What is asked. `context` maps a key in lower case to the list of its values."""

    __slots__ = ("action", "resource", "account", "arn", "canonical_id", "context")

    def __init__(self, action, resource, account="", arn="", canonical_id="", context=None):
        self.action, self.resource = action.translate(ASCII_LOWER), resource
        self.account, self.arn, self.canonical_id = account, arn, canonical_id
        self.context = context or {}


class Unresolved(Exception):
    """A variable has no value."""


def listed(value):
    return value if isinstance(value, list) else [value]


def as_text(value):
    """JSON's numbers and truth values as they are written."""
    return value if isinstance(value, str) else str(value).lower()


def pieces_of(text, variables):
    """[(kind, ...)]: ("text", t), which may hold wildcards, ("exact", t), ("variable", name, default)."""
    if not variables:
        return [("text", text)]
    pieces, end = [], 0
    for match in VARIABLE.finditer(text):
        pieces.append(("text", text[end:match.start()]))
        if match[1]:
            pieces.append(("exact", match[1]))
        else:
            pieces.append(("variable", match[2].strip().translate(ASCII_LOWER), match[3]))
        end = match.end()
    return pieces + [("text", text[end:])]


def fill(pieces, context):
    """The pieces with the values of their variables, which are exact; raises Unresolved."""
    filled = []
    for piece in pieces:
        if piece[0] == "variable":
            values = context.get(piece[1], [])
            if len(values) == 1:
                piece = ("exact", values[0])
            elif piece[2] is not None:
                piece = ("exact", piece[2])
            else:
                raise Unresolved(piece[1])
        filled.append(piece)
    return tuple(filled)


@functools.lru_cache(maxsize=100_000)
def glob_expression(filled):
    expression = ""
    for kind, text in filled:
        if kind == "exact":
            expression += re.escape(text)
        else:
            expression += re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(expression, re.DOTALL)


@functools.lru_cache(maxsize=100_000)
def arn_expression(filled):
    """Wildcards stay between the colons, but for the last part."""
    if filled == (("text", "*"),):
        return re.compile("([^:]*:){5}.*", re.DOTALL)
    expression, colons = "", 0
    for kind, text in filled:
        for character in text:
            inside = "." if colons >= 5 else "[^:]"
            if kind == "text" and character == "*":
                expression += inside + "*"
            elif kind == "text" and character == "?":
                expression += inside
            else:
                expression += re.escape(character)
                colons += character == ":"
    return re.compile(expression if colons >= 5 else "(?!)", re.DOTALL)


def to_number(text):
    return decimal.Decimal(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) else None


def to_date(text):
    """Milliseconds since 1970."""
    if re.fullmatch("-?[0-9]{1,12}", text):
        return int(text) * 1000
    match = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
                         r"(?:T([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-9]{2}:[0-9]{2}))?",
                         text)
    if not match:
        return None
    day, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime.datetime.fromisoformat(
            f"{day}T{minute or '00:00'}:{second or '00'}" + (zone or "Z").replace("Z", "+00:00"))
    except ValueError:
        return None
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    whole = (moment - epoch) // datetime.timedelta(seconds=1)
    return whole * 1000 + int(((fraction or "") + "000")[:3])


def to_bool(text):
    return {"true": True, "false": False}.get(text.translate(ASCII_LOWER))


def to_address(text):
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def to_network(text):
    network = ipaddress.ip_network(text, strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped and network.prefixlen >= 96:
        return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")
    return network


def contains(address, network):
    return address.version == network.version and address in network


ORDERS = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanEquals": lambda left, right: left >= right,
}


def pattern_test(text, variables, test):
    """A test of one value of the policy: (value of the request, context) -> bool, or Unresolved."""
    pieces = pieces_of(text, variables)
    return lambda value, context: test(fill(pieces, context), value)


def exact_text(filled):
    return "".join(text for _, text in filled)


def typed_test(text, read, compare):
    expected = read(text)

    def test(value, _context):
        actual = read(value)
        return actual is not None and compare(actual, expected)

    return test


def value_test(operator, text, variables):
    """The test for `operator` (without Not) and one value of the policy."""
    if operator == "StringEquals":
        return pattern_test(text, variables, lambda filled, value: exact_text(filled) == value)
    if operator == "StringEqualsIgnoreCase":
        return pattern_test(text, variables, lambda filled, value: exact_text(filled).translate(
            ASCII_LOWER) == value.translate(ASCII_LOWER))
    if operator == "StringLike":
        return pattern_test(text, variables, lambda filled, value: bool(
            glob_expression(filled).fullmatch(value)))
    if operator in ("ArnEquals", "ArnLike"):
        return pattern_test(text, variables, lambda filled, value: bool(
            arn_expression(tuple(p for p in filled if p[1])).fullmatch(value)))
    if operator.startswith("Numeric"):
        return typed_test(text, to_number, ORDERS[operator.removeprefix("Numeric")])
    if operator.startswith("Date"):
        return typed_test(text, to_date, ORDERS[operator.removeprefix("Date")])
    if operator == "Bool":
        return typed_test(text, to_bool, ORDERS["Equals"])
    if operator == "BinaryEquals":
        expected = base64.b64decode(text, validate=True)
        return lambda value, _context: value.encode() == expected
    if operator == "IpAddress":
        network = to_network(text)

        def in_network(value, _context):
            address = to_address(value)
            return address is not None and contains(address, network)

        return in_network
    raise ValueError(operator)


def condition_predicate(name, key, values, variables, effect):
    """(context) -> bool for one key of one operator."""
    key = key.translate(ASCII_LOWER)
    texts = [as_text(value) for value in listed(values)]
    if name == "Null":
        wanted = {to_bool(text) for text in texts}
        return lambda context: (key not in context) in wanted
    quantifier, _, rest = name.rpartition(":")
    if_exists = rest.endswith("IfExists")
    operator = rest.removesuffix("IfExists").replace("Not", "")
    negated = "Not" in rest
    tests = [value_test(operator, text, variables) for text in texts]

    def passes(value, context):
        matched = unknown = False
        for test in tests:
            try:
                matched = matched or test(value, context)
            except Unresolved:
                unknown = True
        if not negated:
            return matched
        # A value that is not known might have been the one: that is held against an Allow.
        return not matched and not (unknown and effect == "Allow")

    def predicate(context):
        if key not in context:
            return if_exists or quantifier == "ForAllValues" or (negated and not quantifier)
        results = [passes(value, context) for value in context[key]]
        if quantifier == "ForAllValues" or (negated and not quantifier):
            return all(results)
        return any(results)

    return predicate


def principal_predicate(statement):
    """(request) -> bool; a policy of an identity is about whoever has it."""
    field = "Principal" if "Principal" in statement else "NotPrincipal"
    if field not in statement:
        return lambda request: True
    named = statement[field]
    if named == "*":
        named = {"AWS": "*"}
    aws = listed(named.get("AWS", []))
    accounts = {ACCOUNT_ARN.sub(r"\1", name) for name in aws}
    canonical = set(listed(named.get("CanonicalUser", [])))

    def account_named(request):
        return request.account in accounts or request.canonical_id in canonical

    def includes(request):
        if "*" in aws:
            return True
        return bool(request.account) and (request.arn in aws or account_named(request))

    def spares(request):
        """Of NotPrincipal: an account there is its root user, not every user of it."""
        if "*" in aws:
            return True
        is_root = request.arn.endswith(":root")
        return bool(request.account) and (account_named(request) if is_root else request.arn in aws)

    return includes if field == "Principal" else lambda request: not spares(request)


def action_predicate(statement):
    field = "Action" if "Action" in statement else "NotAction"
    expressions = [glob_expression((("text", text.translate(ASCII_LOWER)),))
                   for text in listed(statement[field])]

    def named(request):
        return any(expression.fullmatch(request.action) for expression in expressions)

    return named if field == "Action" else lambda request: not named(request)


def resource_predicate(statement, variables):
    field = "Resource" if "Resource" in statement else "NotResource"
    patterns = [pieces_of(text, variables) for text in listed(statement[field])]

    def answers(request):
        """True, False, or None (not known) of each pattern."""
        for pieces in patterns:
            try:
                filled = fill(pieces, request.context)
            except Unresolved:
                yield None
            else:
                yield bool(glob_expression(filled).fullmatch(request.resource))

    if field == "Resource":
        return lambda request: any(answers(request))
    if statement["Effect"] == "Allow":
        return lambda request: all(answer is False for answer in answers(request))
    return lambda request: not any(answers(request))


def compile_policy(document):
    """A function from a Request to "allow", "deny" or "none"."""
    variables = document.get("Version") == "2012-10-17"
    rules = []
    for statement in listed(document["Statement"]):
        conditions = [condition_predicate(operator, key, values, variables, statement["Effect"])
                      for operator, keys in statement.get("Condition", {}).items()
                      for key, values in keys.items()]
        rules.append((statement["Effect"],
                      [principal_predicate(statement), action_predicate(statement),
                       resource_predicate(statement, variables)], conditions))

    def applies(rule, request):
        return all(predicate(request) for predicate in rule[1]) and all(
            predicate(request.context) for predicate in rule[2])

    def decide(request):
        if any(applies(rule, request) for rule in rules if rule[0] == "Deny"):
            return "deny"
        return "allow" if any(applies(rule, request) for rule in rules if rule[0] == "Allow") else "none"

    return decide


TRUSTED = {"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:sourceaccount",
           "aws:sourcearn", "aws:sourceip", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce",
           "aws:userid", "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
           "s3:x-amz-server-side-encryption-aws-kms-key-id"}
CONFINING = re.compile("(ForAnyValue:)?(StringEquals|StringEqualsIgnoreCase|StringLike|ArnEquals|"
                       "ArnLike|IpAddress)")


def is_public(document):
    """"A bucket policy must grant access only to fixed values" of who or where, else it is public."""
    variables = document.get("Version") == "2012-10-17"

    def is_fixed(operator, text):
        if operator.endswith("IpAddress"):
            network = to_network(text)
            return network.prefixlen >= (8 if network.version == 4 else 32)
        return not re.search(r"[*?]", text) and not (variables and re.search(r"\$\{[^$]", text))

    def confined(statement):
        return any(CONFINING.fullmatch(operator) and key.translate(ASCII_LOWER) in TRUSTED and
                   all(is_fixed(operator, as_text(value)) for value in listed(values))
                   for operator, keys in statement.get("Condition", {}).items()
                   for key, values in keys.items())

    def everyone(statement):
        named = statement.get("Principal", {})
        return named == "*" or (isinstance(named, dict) and "*" in listed(named.get("AWS", [])))

    return any(statement["Effect"] == "Allow" and everyone(statement) and not confined(statement)
               for statement in listed(document["Statement"]))
