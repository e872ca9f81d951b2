//! Files of the server by how they begin, whatever the app says that they are: those that no app means to hand out.

use crate::exchange::Response;
use http::header;
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::sync::LazyLock;

/// The rule of this layer.
pub(super) const RULE: &str = "server-file";

/// How much of an answer is seen.
pub(super) const BYTES: usize = 512;

/// A name, and how such a file begins.
const FILES: [(&str, &str); 5] = [
    ("the system's list of users", r"^root:[^:\n]*:0:0:[^:\n]*:/"),
    ("the system's list of passwords", r"^root:[$*!][^:\n]*:\d+:\d"),
    ("a list of passwords", r"^[\w.@-]+:(?:\$apr1\$|\$2[aby]\$\d\d\$|\$[56]\$|\{SHA\})[./\w$=+]{20,}\s*(?:\n|$)"),
    ("the environment of a process", r"^(?:[A-Za-z_]\w*=[^\x00\n]*\x00){2}"),
    ("the settings of a repository", r"^\[core\]\s+repositoryformatversion\s?=\s?\d"),
];

static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| build().ok());

fn build() -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(FILES.iter().map(|(_, pattern)| pattern)).unicode(false).build()
}

/// Whether an answer may be such a file: it says its length, so that waiting for its beginning holds up no stream, and is nothing
/// that begins otherwise.
pub(super) fn may_be(response: &Response) -> bool {
    const OTHERS: [&str; 9] = [
        "image/",
        "audio/",
        "video/",
        "font/",
        "text/css",
        "text/javascript",
        "text/event-stream",
        "application/json",
        "application/javascript",
    ];
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let is = |start: &&str| kind.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()));
    response.status.is_success() && response.headers().contains_key(header::CONTENT_LENGTH) && !OTHERS.iter().any(is)
}

/// Which file begins like this.
pub(super) fn named(start: &[u8]) -> Option<&'static str> {
    let start = unwrapped(start.get(..BYTES).unwrap_or(start));
    let found = SET.as_ref()?.matches(start).iter().next()?;
    FILES.get(found).map(|(name, _)| *name)
}

/// What stands behind the tags and white space of an app that means to show something else.
fn unwrapped(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
        let [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'!' | b'/', ..] = text else { return text };
        let Some(rest) = memchr::memchr(b'>', text).and_then(|end| text.get(end + 1..)) else { return text };
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::{build, named};

    #[test]
    fn files_are_known_by_their_beginning() {
        build().unwrap();
        for (file, name) in [
            ("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n", "users"),
            ("<!doctype html>\n<html><body class=\"a\"><pre>root:x:0:0:System Administrator:/var/root:/bin/sh\n", "users"),
            ("root:$6$salt$abcdefgh:19000:0:99999:7:::\n", "passwords"),
            ("root:*:18375:0:99999:7:::\n", "passwords"),
            ("ada:$apr1$abcdefgh$0123456789abcdefghijkl\n", "passwords"),
            ("PATH=/usr/bin:/bin\0SECRET_KEY=abc\0HOME=/srv\0", "environment"),
            ("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n", "repository"),
        ] {
            assert!(named(file.as_bytes()).is_some_and(|found| found.contains(name)), "{file}: {:?}", named(file.as_bytes()));
        }
    }

    #[test]
    fn what_only_speaks_of_them_is_none() {
        for text in [
            "<!doctype html><title>The passwd file</title><p>A line such as <code>root:x:0:0:root:/root:/bin/bash</code> says",
            "<h1>Root: a novel</h1>",
            "root: x: 0",
            "PATH=/usr/bin\nHOME=/srv\n",
            "[core]\n\teditor = vim\n",
            "ada:hello there\n",
            "name:age:city\nroot:7:0:0\n",
            "",
        ] {
            assert_eq!(named(text.as_bytes()), None, "{text}");
        }
    }
}
