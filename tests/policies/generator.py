"""Random policies and requests of few names, so that they meet: about a third of the requests is
allowed, denied, and neither."""

KEYS = ["", "a", "b", "ab", "a/b", "a/", "b/a", "a/b/a", "*", "a*", "é", "aé", "?", "B", "ba/ab"]
BUCKET, OTHER = "arn:aws:s3:::b", "arn:aws:s3:::c"
USERS = [("111111111111", "user/alice"), ("111111111111", "user/bob"), ("111111111111", "root"),
         ("222222222222", "user/carol"), ("222222222222", "root")]
CANONICAL = {"111111111111": "a" * 64, "222222222222": "c" * 64}
CALLERS = [("", "", "")] + [(account, f"arn:aws:iam::{account}:{name}", CANONICAL[account])
                            for account, name in USERS]
ARNS = [caller[1] for caller in CALLERS[1:]] + ["arn:aws:sns:x:111111111111:t:a", "arn:aws", "a"]

OBJECT_ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:GetObjectAcl", "s3:DeleteObjectVersion"]
BUCKET_ACTIONS = ["s3:ListBucket", "s3:GetBucketAcl", "s3:PutBucketPolicy"]
OTHER_ACTIONS = ["iam:GetUser", "iam:CreateUser", "s3:ListAllMyBuckets"]
OBJECT_PATTERNS = ["s3:*"] * 5 + ["s3:GetObject", "s3:putobject", "s3:Get*", "s3:*", "*", "s3:?etObject",
                   "s3:*Object", "s3:*Object*", "S3:*ACL", "s3:P*t*"]
BUCKET_PATTERNS = ["s3:*"] * 2 + ["s3:ListBucket", "s3:*", "s3:Get*", "s3:*Bucket*", "*", "s3:*acl"]
IDENTITY_PATTERNS = OBJECT_PATTERNS + BUCKET_PATTERNS + ["iam:*", "iam:?etUser", "iam:*User"]
OBJECT_TAILS = ["/*"] * 14 + ["/a*", "/*a", "/?", "/??", "/a/*", "/*/*", "/a*b", "/*b*", "*", "/b", "/?*b",
                "/${aws:username}", "/${aws:username}/*", "/a${aws:username, 'b'}*", "/${*}", "/a${*}*",
                "/${aws:PrincipalTag/t}*", "/é*", "/*é"]
TEXTS = ["a", "b", "ab", "A", "", "a*", "a/b", "é", "${x}"]
TEXT_PATTERNS = ["a", "b", "AB", "", "a*", "*", "*b", "?", "??", "a?b", "*a*", "${aws:username}",
                 "${aws:username}*", "a${aws:username,'b'}", "${*}", "a${*}", "${aws:userid , 'a' }",
                 "${s3:prefix}", "É", "é", "?*", "${?}", "${$}{x}", "a/*b"]
NUMBERS = ["0", "1", "2", "10", "-1", "1.5", "+1", "01", "1.0", "x", ""]
DATES = ["2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00", "2020-01-01T00:00Z",
         "1577836800", "1577836799", "2019-12-31T23:59:59.999Z", "2020-01-01T00:00:00.0009Z",
         "2020-02-30", "2020-01-01T00:00:00", "2020-01-01T00:00:00-00:30", "", "soon"]
ADDRESSES = ["10.0.0.1", "10.1.0.1", "11.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "2001:DB8:1::", "::1",
             "10.0.0", "10.0.0.01", "fe80::1%a", ""]
NETWORKS = ["10.0.0.0/8", "10.0.0.1", "10.0.0.0/15", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1/128",
            "2001:db8:1::/48", "2001::/16", "::ffff:10.0.0.0/104", "10.0.0.1/31", "128.0.0.0/1"]
ARN_PATTERNS = ["arn:aws:iam::111111111111:user/*", "arn:aws:iam::*:root", "arn:aws:*::*:*",
                "arn:aws:iam::111111111111:user/${aws:username}", "${aws:PrincipalArn}", "*",
                "arn:aws:sns:*:111111111111:*", "arn:aws:iam::??????*:user/alice", "arn:*:*:*:*:a",
                "${aws:SourceArn}", "arn:aws:iam::222222222222:user/carol"]
BOOLS, BASE64 = ["true", "false", "True", "", "1"], ["YQ==", "YWI=", "w6k=", ""]

# Key, how often it is in a request, its values.
CONTEXT = [("s3:prefix", 0.7, TEXTS), ("aws:username", 0.6, ["a", "b", "*", "alice", "", "?"]),
           ("aws:userid", 0.4, ["a", "b"]), ("aws:principaltag/t", 0.4, ["a", "b", "*"]),
           ("aws:tagkeys", 0.7, ["a", "b", "ab"]), ("s3:max-keys", 0.6, NUMBERS),
           ("aws:currenttime", 0.6, DATES), ("aws:sourceip", 0.7, ADDRESSES),
           ("aws:securetransport", 0.7, BOOLS), ("aws:principalarn", 0.6, ARNS),
           ("aws:sourcearn", 0.4, ARNS)]
TEXT_KEYS = ["s3:prefix", "aws:TagKeys", "AWS:UserName", "aws:userid", "aws:PrincipalTag/T"]
# Operators, the keys they are asked of, the values of a policy.
OPERATORS = [
    (["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
      "StringLike", "StringNotLike"], TEXT_KEYS, TEXT_PATTERNS),
    (["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
      "NumericGreaterThan", "NumericGreaterThanEquals"], ["s3:max-keys"], NUMBERS[:-2] + [1, 2]),
    (["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
      "DateGreaterThanEquals"], ["aws:CurrentTime"], DATES[:8]),
    (["Bool"], ["aws:SecureTransport"], ["true", "false", "TRUE", True, False]),
    (["BinaryEquals"], ["s3:prefix", "aws:TagKeys"], BASE64),
    (["IpAddress", "NotIpAddress"], ["aws:SourceIp"], NETWORKS),
    (["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"], ["aws:PrincipalArn", "aws:SourceArn"],
     ARN_PATTERNS)]
PRINCIPALS = ["111111111111", "222222222222", "arn:aws:iam::111111111111:root",
              "arn:aws:iam::111111111111:user/alice", "arn:aws:iam::222222222222:user/carol",
              "arn:aws:iam::111111111111:role/r", "*"]


def some(random, values, most):
    """One value, or a list of up to `most`."""
    if random.random() < 0.5:
        return random.choice(values)
    return [random.choice(values) for _ in range(random.randint(1, most))]


def conditions(random):
    block = {}
    for _ in range(random.choice([0, 0, 0, 0, 0, 1, 1, 1, 1, 2])):
        if random.random() < 0.1:
            key = random.choice(TEXT_KEYS + ["aws:SourceIp"])
            block.setdefault("Null", {})[key] = some(random, ["true", "false", True], 2)
            continue
        names, keys, values = random.choice(OPERATORS)
        name = random.choice(names)
        if random.random() < 0.3:
            name = random.choice(["ForAllValues:", "ForAnyValue:"]) + name
        if random.random() < 0.25:
            name += "IfExists"
        block.setdefault(name, {})[random.choice(keys)] = some(random, values, 3)
    return block


def principal(random):
    if random.random() < 0.65:
        return "*"
    kinds = {"AWS": some(random, PRINCIPALS, 3)}
    if random.random() < 0.2:
        kinds["CanonicalUser"] = random.choice(list(CANONICAL.values()))
    if random.random() < 0.1:
        kinds["Service"] = "x.amazonaws.com"
        kinds.pop(random.choice(list(kinds)))
    return kinds


def targets(random, bucket):
    """Actions, and resources that they can be done to."""
    if not bucket:
        actions = some(random, IDENTITY_PATTERNS, 3)
        places = [BUCKET, "*", "*", "*", "arn:aws:iam::*:user/*", "arn:aws:s3:::*", "arn:aws:s3:::*"]
        places += [BUCKET + tail for tail in OBJECT_TAILS]
        return actions, some(random, places, 3)
    resources = [BUCKET + random.choice(OBJECT_TAILS) for _ in range(random.randint(1, 3))]
    if random.random() < 0.4:
        return some(random, OBJECT_PATTERNS, 3), resources
    if random.random() < 0.3:
        return some(random, BUCKET_PATTERNS, 3), random.choice([BUCKET, BUCKET + "*", OTHER[:-1] + "*"])
    return some(random, OBJECT_PATTERNS + BUCKET_PATTERNS, 3), resources + [BUCKET]


def statement(random, bucket):
    effect = "Allow" if random.random() < 0.62 else "Deny"
    actions, resources = targets(random, bucket)
    made = {"Effect": effect,
            "Action" if random.random() < 0.85 else "NotAction": actions,
            "Resource" if random.random() < 0.85 else "NotResource": resources}
    if bucket:
        spare = effect == "Deny" and random.random() < 0.4
        made["NotPrincipal" if spare else "Principal"] = principal(random)
    block = conditions(random)
    if block or random.random() < 0.1:
        made["Condition"] = block
    return made


def policy(random):
    """(is it of a bucket, the document)"""
    bucket = random.random() < 0.6
    made = {"Statement": [statement(random, bucket) for _ in range(random.randint(1, 7))]}
    if len(made["Statement"]) == 1 and random.random() < 0.5:
        made["Statement"] = made["Statement"][0]
    # A variable alone is an ARN only where there are variables.
    if random.random() < 0.8 or "${aws:PrincipalArn}" in repr(made) or "${aws:SourceArn}" in repr(made):
        made["Version"] = "2012-10-17"
    elif random.random() < 0.5:
        made["Version"] = "2008-10-17"
    return bucket, made


def request(random):
    """(action, resource, caller, context)"""
    pick = random.random()
    if pick < 0.66:
        action, resource = random.choice(OBJECT_ACTIONS), f"{BUCKET}/{random.choice(KEYS)}"
    elif pick < 0.96:
        action, resource = random.choice(BUCKET_ACTIONS), BUCKET
    else:
        action = random.choice(OTHER_ACTIONS)
        resource = random.choice(["arn:aws:iam::111111111111:user/alice", OTHER, "*", OTHER + "/a"])
    if random.random() < 0.1:
        action = action.upper()
    context = {}
    for key, chance, values in CONTEXT:
        if random.random() < chance:
            context[key] = [random.choice(values) for _ in range(1 if random.random() < 0.8 else 2)]
    return action, resource, random.choice(CALLERS), context
