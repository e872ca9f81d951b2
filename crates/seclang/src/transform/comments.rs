//! Comments of C, SQL, shell and HTML.

/// `replaceComments`: each C comment, and one that never ends, becomes one space.
pub(super) fn replace(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'/', b'*', after @ ..] => {
                out.push(b' ');
                memchr::memmem::find(after, b"*/").and_then(|end| after.get(end + 2..)).unwrap_or_default()
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
}

/// `removeComments`: C and HTML comments go; `--` and `#` end the value. A comment that never ends becomes one space.
///
/// As in ModSecurity the byte after a comment is taken as it is, and either mark ends either comment.
pub(super) fn remove(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'/', b'*', after @ ..] | [b'<', b'!', b'-', b'-', after @ ..] => after_comment(after, out),
            [b'-', b'-', ..] | [b'#', ..] => return,
            _ => {
                out.push(*first);
                tail
            }
        };
    }
}

fn after_comment<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    loop {
        rest = match rest {
            [b'*', b'/', after @ ..] | [b'-', b'-', b'>', after @ ..] => {
                let Some((next, further)) = after.split_first() else { return after };
                out.push(*next);
                return further;
            }
            [_, after @ ..] => after,
            [] => {
                out.push(b' ');
                return rest;
            }
        };
    }
}

/// `removeCommentsChar`: only the marks of comments go, their text stays.
pub(super) fn remove_marks(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'<', b'!', b'-', b'-', after @ ..] => after,
            [b'-', b'-', b'>', after @ ..] => after,
            [b'/', b'*', after @ ..] | [b'*', b'/', after @ ..] | [b'-', b'-', after @ ..] => after,
            [b'#', after @ ..] => after,
            _ => {
                out.push(*first);
                tail
            }
        };
    }
}
