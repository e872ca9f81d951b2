//! Python source as far as it must be understood: lines of code, what they import, what they call.

/// Lines of code: without comments and without the insides of long strings.
pub(super) fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut inside: Option<&str> = None;
    text.lines().filter_map(move |line| {
        let trimmed = line.trim();
        let was_inside = inside.is_some();
        inside = after(trimmed, inside);
        let comment =
            trimmed.is_empty() || trimmed.starts_with('#') || trimmed.starts_with("\"\"\"") || trimmed.starts_with("'''");
        (!was_inside && !comment).then_some(trimmed)
    })
}

/// Which long string is open at the end of a line, if any.
fn after<'a>(line: &str, open: Option<&'a str>) -> Option<&'a str> {
    let (mut open, mut rest) = (open, line);
    loop {
        let found = match open {
            Some(quotes) => rest.find(quotes).map(|at| (at, None)),
            None => {
                ["\"\"\"", "'''"].iter().filter_map(|quotes| Some((rest.find(quotes)?, Some(*quotes)))).min_by_key(|(at, _)| *at)
            }
        };
        let Some((at, next)) = found else { return open };
        (open, rest) = (next, rest.get(at + 3..).unwrap_or_default());
    }
}

/// Whether a line imports a module: `import flask`, `from flask.views import View`.
pub(super) fn imports(line: &str, module: &str) -> bool {
    let named = |rest: &str| {
        let mut names = rest.split(',').map(|name| name.split_whitespace().next().unwrap_or_default());
        names.any(|name| name == module || name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.')))
    };
    match line.strip_prefix("from ") {
        Some(rest) => named(rest.split(" import").next().unwrap_or_default()),
        None => line.strip_prefix("import ").is_some_and(named),
    }
}

/// The name a call's result is given: `app` of `app = Flask(__name__)`.
pub(super) fn assigned<'a>(line: &'a str, call: &str) -> Option<&'a str> {
    let (name, value) = line.split_once('=')?;
    let name = name.split(':').next().unwrap_or(name).trim();
    let value = value.trim_start();
    let called =
        value.rsplit_once(call).is_some_and(|(before, _)| before.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.'));
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (called && plain).then_some(name)
}

/// The number after `port=`, or in the last part of an address.
pub(super) fn port_after(line: &str, word: &str) -> Option<u16> {
    let (_, rest) = line.split_once(word)?;
    let digits: String = rest.chars().skip_while(|c| " =\"'".contains(*c)).take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|port| *port != 0)
}

/// Every short string of a line.
pub(super) fn strings(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(['"', '\'']) {
        let Some((quote, after)) = rest.get(start..start + 1).zip(rest.get(start + 1..)) else { break };
        let Some(end) = after.find(quote) else { break };
        found.extend(after.get(..end));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_long_strings_are_no_code() {
        let text = "'''import flask\nimport django\n'''\n# import bottle\nimport os\nx = \"\"\"\nimport fastapi\n\"\"\"\ny = 1\n";
        assert_eq!(code(text).collect::<Vec<_>>(), ["import os", "x = \"\"\"", "y = 1"]);
    }

    #[test]
    fn imports_are_recognised_whole() {
        for line in ["import flask", "from flask import Flask", "import os, flask as f", "from flask.views import View"] {
            assert!(imports(line, "flask"), "{line}");
        }
        for line in ["import flask_login", "from .flask import x", "importflask", "from app import flask"] {
            assert!(!imports(line, "flask"), "{line}");
        }
    }

    #[test]
    fn names_ports_and_strings_are_read() {
        assert_eq!(assigned("app = Flask(__name__)", "Flask("), Some("app"));
        assert_eq!(assigned("api: FastAPI = fastapi.FastAPI()", "FastAPI("), Some("api"));
        assert_eq!(assigned("x = make(Flask(__name__))", "Flask("), None);
        assert_eq!(port_after("app.run(host='0.0.0.0', port = 5001)", "port"), Some(5001));
        assert_eq!(port_after("bind = \"127.0.0.1:8001\"", "127.0.0.1:"), Some(8001));
        assert_eq!(strings("@app.route('/login', methods=[\"POST\"])"), ["/login", "POST"]);
        assert_eq!(strings("'"), Vec::<&str>::new());
    }
}
