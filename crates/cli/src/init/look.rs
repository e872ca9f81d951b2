//! What an app's folder tells: its framework, how it is started, where it listens.

use super::{
    files::{self, File, files},
    python::{assigned, code, imports, port_after, strings},
};
use serde::Serialize;
use std::path::Path;

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// The folder's name.
    pub(super) name: String,
    /// `flask`, `django`, `fastapi`, `bottle` or `other`.
    pub(super) framework: &'static str,
    /// The command that starts the app.
    pub(super) start: Option<String>,
    /// The port it listens on, where its files say another than the framework's own.
    pub(super) port: Option<u16>,
    /// A name the app gives its session cookie.
    pub(super) session_cookie: Option<String>,
    /// Paths at which machines, not pages, send something: they would need an exception.
    pub(super) hooks: Vec<String>,
    /// A folder of templates, from the app's own, with what the default Content-Security-Policy refuses.
    pub(super) templates: Option<String>,
    /// Where each of it was seen.
    pub(super) evidence: Vec<String>,
}

/// The frameworks, by module and by the call that makes an app. Starlette is what FastAPI is made of.
const FRAMEWORKS: [(&str, &str, &str); 5] = [
    ("django", "django", "get_wsgi_application("),
    ("fastapi", "fastapi", "FastAPI("),
    ("fastapi", "starlette", "Starlette("),
    ("flask", "flask", "Flask("),
    ("bottle", "bottle", "Bottle("),
];

/// Looks at a folder. Nothing in it is run.
pub(super) fn look(folder: &Path) -> Found {
    let files = files(folder);
    let mut evidence = Vec::new();
    let (framework, seen) = framework(&files);
    evidence.push(seen);
    let (start, seen) = start(&files, framework);
    evidence.extend(seen);
    let (port, seen) = port(&files);
    evidence.extend(seen);
    let templates = templates(folder);
    if let Some(templates) = &templates {
        evidence.push(format!("{templates} has inline scripts or foreign sources, which the default policy refuses"));
    }
    let (session_cookie, hooks) = (session_cookie(&files), hooks(&files));
    Found { name: name(folder), framework, start, port, session_cookie, hooks, templates, evidence }
}

/// The first folder of templates whose pages would lose something.
fn templates(folder: &Path) -> Option<String> {
    let found = files::templates(folder).into_iter().find(|path| crate::csp::needs_policy(path))?;
    Some(found.strip_prefix(folder).unwrap_or(&found).display().to_string())
}

/// A name that needs no quoting anywhere.
fn name(folder: &Path) -> String {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("app");
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    if plain.trim_matches('-').is_empty() { "app".to_owned() } else { plain }
}

/// By what makes the app, else by what is imported, else by what is installed.
fn framework(files: &[File]) -> (&'static str, String) {
    let lines =
        || files.iter().filter(|file| file.path.ends_with(".py")).flat_map(|file| code(&file.text).map(move |line| (file, line)));
    if files.iter().any(|file| file.path == "manage.py" && file.text.contains("DJANGO_SETTINGS_MODULE")) {
        return ("django", "Django: manage.py".to_owned());
    }
    for (name, module, call) in FRAMEWORKS {
        if let Some((file, line)) = lines().find(|(_, line)| assigned(line, call).is_some()) {
            return (name, format!("{module}: `{line}` in {}", file.path));
        }
    }
    for (name, module, _) in FRAMEWORKS {
        if let Some((file, line)) = lines().find(|(_, line)| imports(line, module)) {
            return (name, format!("{module}: `{line}` in {}", file.path));
        }
    }
    for (name, module, _) in FRAMEWORKS {
        if let Some(file) = files.iter().find(|file| !file.path.ends_with(".py") && requires(&file.text, module)) {
            return (name, format!("{module}: required in {}", file.path));
        }
    }
    ("other", "no framework recognised".to_owned())
}

/// Whether a list of requirements names a package: `Flask==3.0`, `"flask >= 3"`, `flask = "^3"`.
fn requires(text: &str, package: &str) -> bool {
    let starts = |line: &str| {
        let line = line.trim().trim_matches(['"', '\'', ',', '[', ']', ' ']).to_ascii_lowercase();
        line.strip_prefix(package).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_'))
    };
    text.lines().any(|line| starts(line) || strings(line).into_iter().any(starts))
}

/// The command in a Procfile, else one for the object that is the app.
fn start(files: &[File], framework: &str) -> (Option<String>, Option<String>) {
    let web = files
        .iter()
        .filter(|file| file.path == "Procfile")
        .flat_map(|file| file.text.lines())
        .find_map(|line| line.strip_prefix("web:"));
    if let Some(command) = web {
        return (Some(without_address(command)), Some("start: Procfile".to_owned()));
    }
    let object = |call: &'static str| {
        let python = files.iter().filter(|file| file.path.ends_with(".py"));
        let mut lines = python.flat_map(|file| code(&file.text).map(move |line| (file, line)));
        lines.find_map(|(file, line)| Some((file, format!("{}:{}", module(&file.path), assigned(line, call)?))))
    };
    let server = if framework == "fastapi" { "uvicorn" } else { "gunicorn" };
    let calls = FRAMEWORKS.iter().filter(|(name, ..)| *name == framework).map(|(_, _, call)| *call);
    if let Some((file, object)) = calls.clone().find_map(object) {
        return (Some(format!("{server} {object}")), Some(format!("start: the app is `{object}` in {}", file.path)));
    }
    if framework == "django" {
        return (Some("python manage.py runserver --noreload".to_owned()), None);
    }
    let python = files.iter().filter(|file| file.path.ends_with(".py"));
    let factory = python.clone().find(|file| code(&file.text).any(|line| line.starts_with("def create_app(")));
    if let Some(file) = factory.filter(|_| framework == "flask") {
        return (
            Some(format!("gunicorn {}:create_app()", module(&file.path))),
            Some(format!("start: `create_app` in {}", file.path)),
        );
    }
    let main = python.clone().find(|file| framework == "bottle" && code(&file.text).any(|line| imports(line, "bottle")));
    (main.map(|file| format!("python {}", file.path)), None)
}

/// `shop/wsgi.py` as `shop.wsgi`.
fn module(path: &str) -> String {
    let path = path.strip_suffix(".py").unwrap_or(path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    path.strip_prefix("src/").unwrap_or(path).replace('/', ".")
}

/// A command without where to listen: `gambeson run` says that.
fn without_address(command: &str) -> String {
    let mut words = command.split_whitespace();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "-b" | "--bind" | "--port" | "-p" | "--host" => drop(words.next()),
            _ if word.starts_with("--bind=")
                || word.starts_with("--port=")
                || word.starts_with("--host=")
                || word.starts_with("-b=") => {}
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}

/// Which lines may say a port, and what stands before it.
type Mark = (fn(&File, &str) -> bool, &'static [&'static str]);

/// A port that the app's own files say.
fn port(files: &[File]) -> (Option<u16>, Option<String>) {
    let marks: [Mark; 3] = [
        (|file, line| file.path == "gunicorn.conf.py" && line.starts_with("bind"), &[":"]),
        (
            |file, line| file.path == "Procfile" && line.starts_with("web:"),
            &["--port", "-p ", "0.0.0.0:", "127.0.0.1:", "-b :", "--bind :"],
        ),
        (|file, line| file.path.ends_with(".py") && line.contains("run("), &["port"]),
    ];
    for (fits, words) in marks {
        let lines = files.iter().flat_map(|file| code(&file.text).map(move |line| (file, line)));
        let found = lines.filter(|(file, line)| fits(file, line)).find_map(|(file, line)| {
            words.iter().find_map(|word| port_after(line, word)).map(|port| (port, format!("port: {port} in {}", file.path)))
        });
        if let Some((port, seen)) = found {
            return (Some(port), Some(seen));
        }
    }
    (None, None)
}

fn session_cookie(files: &[File]) -> Option<String> {
    let python = files.iter().filter(|file| file.path.ends_with(".py"));
    let mut lines =
        python.flat_map(|file| code(&file.text)).filter(|line| line.contains("SESSION_COOKIE_NAME") && line.contains('='));
    lines.find_map(|line| {
        strings(line).into_iter().rfind(|text| is_token(text) && *text != "SESSION_COOKIE_NAME").map(str::to_owned)
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Routes whose names say that another machine calls them.
fn hooks(files: &[File]) -> Vec<String> {
    let python = files.iter().filter(|file| file.path.ends_with(".py"));
    let routed = |line: &&str| ["route(", "path(", ".post(", ".put("].iter().any(|word| line.contains(word));
    let strings = python.flat_map(|file| code(&file.text)).filter(routed).filter_map(|line| strings(line).into_iter().next());
    let hook = |path: &&str| {
        path.to_ascii_lowercase().contains("hook") && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/".contains(&b))
    };
    let mut hooks: Vec<String> = strings.filter(hook).map(|path| format!("/{}", path.trim_start_matches('/'))).collect();
    hooks.sort();
    hooks.dedup();
    hooks.truncate(5);
    hooks
}
