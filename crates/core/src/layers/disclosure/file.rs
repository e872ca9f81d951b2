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
    ("the system's list of users", r"^root:[^:\n]{0,64}:0:0:[^:\n]{0,64}:/"),
    ("the system's list of passwords", r"^root:[$*!][^:\n]{0,160}:\d{1,6}:\d"),
    ("a list of passwords", r"^[\w.@-]{1,64}:(?:\$apr1\$|\$2[aby]\$\d\d\$|\$[56]\$|\{SHA\})[./\w$=+]{20,}\s*(?:\n|$)"),
    ("the environment of a process", r"^(?:[A-Za-z_]\w{0,60}=[^\x00\n]{0,400}\x00){2}"),
    ("the settings of a repository", r"^\[core\]\s{1,8}repositoryformatversion\s?=\s?\d"),
];

/// What a file may be wrapped into by an app that means to show something else: tags, white space, a byte order mark.
const WRAPPED: &str = r"(?:\xef\xbb\xbf|\s|<[a-zA-Z!/][^<>]{0,120}>){0,24}";

static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| build().ok());

fn build() -> Result<RegexSet, regex::Error> {
    let patterns = FILES.iter().map(|(_, pattern)| pattern.replacen('^', &format!("^{WRAPPED}"), 1));
    RegexSetBuilder::new(patterns).unicode(false).size_limit(4 << 20).dfa_size_limit(4 << 20).build()
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
    let start = start.get(..BYTES).unwrap_or(start);
    let found = SET.as_ref()?.matches(start).iter().next()?;
    FILES.get(found).map(|(name, _)| *name)
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
