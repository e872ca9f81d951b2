"""Where libmodsecurity and our engine differ with the same rules, argued entry by entry; the table stands in README.md."""

import re
import urllib.parse


class Rule:
    """What of a rule's text, with those chained to it, decides whether a known difference can reach it."""

    def __init__(self, text):
        self.text = text
        self.variables = set(re.split(r"[|:!&\s]+", re.match(r"\s*SecRule\s+(\S+)", text)[1]))
        self.chained = re.search(r"\bchain\b", text) is not None

    def reads(self, *names):
        return any(name in self.variables for name in names)


def rules_of(prelude, folder):
    """The rules of a file and a folder by their number."""
    found, last = {}, None
    for path in [prelude, *sorted((folder / "rules").glob("*.conf"))]:
        whole = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
        for line in filter(lambda line: line.lstrip().startswith("SecRule "), whole.splitlines()):
            number = re.search(r"\bid:'?(\d+)", line)
            if number:
                last = found[int(number[1])] = Rule(line)
            elif last:
                last.text += "\n" + line
    return found


def kind(case):
    return next((value for name, value in case["headers"] if name == b"Content-Type"), b"")


def decoded(data):
    for _ in range(4):
        data = urllib.parse.unquote_to_bytes(data)
    return data


def everything(case):
    """All that rules see of a request, unescaped."""
    return decoded(b" ".join([case["target"], case["body"], *(value for _, value in case["headers"])]))


def body_is_shown(case, rule, ours):
    """libmodsecurity fills REQUEST_BODY for every body. Its manual says forms alone; ours is filled for those and for JSON. What is in a
    multipart or XML body is judged value by value."""
    return not ours and rule.reads("REQUEST_BODY") and kind(case).startswith((b"multipart/", b"application/xml"))


def texts_of_xml_are_joined(case, rule, ours):
    """libmodsecurity makes one value of all texts in an XML document (`x` and `1 OR 1` in two elements become `x1 OR 1`), so that words
    lose their beginning; ours judges each text for itself."""
    return rule.reads("XML") and kind(case) == b"application/xml" and case["body"].count(b"<b>x</b>") > 0


def line_ends_are_lost(case, rule, ours):
    """libmodsecurity drops the line ends within a multipart field's value: `a`, line end, `Set-Cookie: x` becomes `aSet-Cookie: x`. A rule
    that looks for a line end is blind to it."""
    return rule.reads("ARGS") and kind(case).startswith(b"multipart/") and re.search(rb"\r\n\r\n[^\r]*[\r\n].*\r\n--B0und--", case["body"], re.DOTALL)


def css_decoding_ends_at_nul(case, rule, ours):
    """libmodsecurity's `cssDecode` ends at a NUL byte, and what stands behind it is not judged."""
    return ours and "t:cssDecode" in rule.text and b"\0" in everything(case)


def path_ends_at_escaped_question_mark(case, rule, ours):
    """libmodsecurity unescapes the target before it parts path and query, so that an escaped `?` ends REQUEST_FILENAME; ours parts first,
    as RFC 3986 section 2.4 says."""
    return rule.reads("REQUEST_FILENAME", "REQUEST_BASENAME") and b"%3f" in case["target"].partition(b"?")[0].lower()


def uri_is_unescaped(case, rule, ours):
    """libmodsecurity's REQUEST_URI is unescaped once, and its rules unescape it again; ours is as sent, as its manual says."""
    return rule.reads("REQUEST_URI") and b"%" in case["target"]


def any_name_in_on_is_an_event(case, rule, ours):
    """libmodsecurity 3.0.9 brings an older libinjection, which takes every attribute that begins with `on` for a script's; newer ones know the
    names of the events."""
    return not ours and "@detectXSS" in rule.text and re.search(rb"\bon", everything(case), re.IGNORECASE)


def anchors_hold_at_line_ends(case, rule, ours):
    """libmodsecurity's `^` and `$` hold at every line end (PCRE's multi-line mode); in ModSecurity 2, for which the Core Rule Set is written, and in
    ours they hold at the ends of the value."""
    patterns = re.findall(r"@rx (.*?)\"\s+\"", rule.text)
    return any(re.search(r"(?<!\[)\^|\$", pattern) for pattern in patterns) and re.search(rb"[\r\n]|\\u000[ad]|\\[rn]", everything(case))


def first_link_is_logged(case, rule, ours):
    """libmodsecurity logs the first link of a chain with `multiMatch` (without message or severity) before the next link is asked, and also when
    that does not hold."""
    return not ours and "multiMatch" in rule.text and rule.chained


def backslash_before_the_closing_quote(case, rule, ours):
    """A file's name that ends in a backslash: libmodsecurity takes it to escape the quote and cannot read the body; ours reads the name, as most
    frameworks do (our own reader notes it, and the `ambiguous` rule refuses it)."""
    return kind(case).startswith(b"multipart/") and b'\\"\r\n' in case["body"] and (ours or rule.reads("REQBODY_ERROR"))


def look_around_is_left_out(case, rule, ours):
    """A pattern with look-around has no linear-time form; our engine leaves such a rule out and says so when it loads."""
    return not ours and re.search(r"\(\?<?[=!]", rule.text)


EXPLAINED = [
    body_is_shown, texts_of_xml_are_joined, line_ends_are_lost, css_decoding_ends_at_nul, path_ends_at_escaped_question_mark, uri_is_unescaped,
    any_name_in_on_is_an_event, anchors_hold_at_line_ends, first_link_is_logged, look_around_is_left_out,
    backslash_before_the_closing_quote,
]  # fmt: skip
