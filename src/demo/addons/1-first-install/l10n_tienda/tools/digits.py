"""Check digits of identity documents. Plain functions, no Odoo."""


def _weighted(digits, weights):
    return sum(int(d) * w for d, w in zip(digits, weights))


def mod11(digits):
    """The modulo 11 digit of a string of digits, weights 2 to 7 from the right."""
    weights = [2 + i % 6 for i in range(len(digits))][::-1]
    rest = 11 - _weighted(digits, weights) % 11
    return {11: 0, 10: 0}.get(rest, rest)


def mod10(digits):
    """The modulo 10 (Luhn) digit of a string of digits."""
    total = 0
    for i, d in enumerate(reversed(digits)):
        n = int(d) * (2 if i % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return (10 - total % 10) % 10


def is_valid(method, number):
    """Does the last character of `number` fit the digits before it?"""
    body, last = number[:-1], number[-1]
    if not body.isdigit():
        return False
    expected = mod11(body) if method == "mod11" else mod10(body)
    return last == str(expected) or (last in "kK" and expected == 0)
