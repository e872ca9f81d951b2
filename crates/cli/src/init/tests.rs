use super::{look::look, save, write};
use gambeson_core::policy::{Framework, Policy};
use std::{fs, path::Path};

/// An app's folder of these files.
fn app(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What is found, and the policy that is written of it, which must hold without a warning.
#[track_caller]
fn found(files: &[(&str, &str)]) -> (super::look::Found, Policy, String) {
    let folder = app(files);
    let found = look(folder.path());
    let text = write::policy(&found);
    let policy = Policy::parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(policy.warnings.0, [], "{text}");
    (found, policy, text)
}

#[test]
fn a_flask_app_is_recognised() {
    let main = "\"\"\"import django\"\"\"\nfrom flask import Flask\napp = Flask(__name__)\napp.config['SESSION_COOKIE_NAME'] = 'shop_id'\n\
                @app.post('/hooks/payment')\ndef paid(): ...\nif __name__ == '__main__':\n    app.run(port=5001)\n";
    let (found, policy, text) = found(&[("app.py", main), ("requirements.txt", "Flask==3.0\n")]);
    assert_eq!((found.framework, policy.app.framework), ("flask", Framework::Flask));
    assert_eq!(found.start.as_deref(), Some("gunicorn app:app"));
    assert_eq!(policy.app.address.to_string(), "http://127.0.0.1:5001");
    assert_eq!(found.session_cookie.as_deref(), Some("shop_id"));
    assert!(text.contains("# path = \"/hooks/payment\"\n# off = [\"csrf\"]"), "{text}");
}

#[test]
fn a_flask_factory_is_recognised() {
    let (found, ..) = found(&[("shop/__init__.py", "import flask\ndef create_app():\n    return flask.Flask(__name__)\n")]);
    assert_eq!((found.framework, found.start.as_deref()), ("flask", Some("gunicorn shop:create_app()")));
    assert_eq!(write::next_steps(&found)[0], "gambeson run -- gunicorn 'shop:create_app()'");
}

#[test]
fn a_django_project_is_recognised() {
    let manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n";
    let wsgi = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n";
    let (found, policy, text) = found(&[("manage.py", manage), ("shop/wsgi.py", wsgi), ("shop/tests/x.py", "import flask")]);
    assert_eq!((found.framework, found.start.as_deref()), ("django", Some("gunicorn shop.wsgi:application")));
    assert_eq!(policy.app.address.to_string(), "http://127.0.0.1:8000");
    assert!(text.contains("# upstream = \"http://127.0.0.1:8000\""), "{text}");
}

#[test]
fn a_fastapi_app_is_recognised() {
    let main = "import uvicorn\nfrom fastapi import FastAPI\n\napi: FastAPI = FastAPI()\nuvicorn.run(api, host='127.0.0.1', port=9000)\n";
    let (found, policy, _) = found(&[("src/shop/main.py", main), ("pyproject.toml", "dependencies = [\"fastapi>=0.100\"]")]);
    assert_eq!((found.framework, found.start.as_deref()), ("fastapi", Some("uvicorn shop.main:api")));
    assert_eq!(policy.app.address.to_string(), "http://127.0.0.1:9000");
}

#[test]
fn a_bottle_app_is_recognised() {
    let (found, policy, _) =
        found(&[("server.py", "from bottle import route, run\n@route('/')\ndef index(): ...\nrun(port=8080)\n")]);
    assert_eq!((found.framework, found.start.as_deref()), ("bottle", Some("python server.py")));
    assert_eq!(policy.app.address.to_string(), "http://127.0.0.1:8080");
}

#[test]
fn what_is_installed_tells_when_the_code_does_not() {
    for (file, text, framework) in [
        ("requirements-prod.txt", "gunicorn\nDjango>=5\n", "django"),
        ("pyproject.toml", "dependencies = [\"uvicorn\", \"fastapi[all]\"]", "fastapi"),
        ("Pipfile", "flask = \"*\"\n", "flask"),
        ("requirements.txt", "flask-login\nflasky\n", "other"),
    ] {
        assert_eq!(found(&[(file, text)]).0.framework, framework, "{text}");
    }
}

#[test]
fn a_procfile_says_how_to_start() {
    let files =
        [("Procfile", "web: gunicorn --bind 0.0.0.0:8123 -w 4 shop:app\nworker: x\n"), ("shop.py", "from flask import Flask")];
    let (found, policy, _) = found(&files);
    assert_eq!(found.start.as_deref(), Some("gunicorn -w 4 shop:app"));
    assert_eq!(policy.app.address.to_string(), "http://127.0.0.1:8123");
}

#[test]
fn an_unknown_app_gets_a_policy_too() {
    let (found, policy, _) = found(&[("index.php", "<?php"), ("venv/lib/flask.py", "import flask")]);
    assert_eq!((found.framework, found.start, policy.app.framework), ("other", None, Framework::Other));
}

#[test]
fn the_example_is_recognised() {
    let found = look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flask-comments"));
    assert_eq!((found.framework, found.start.as_deref()), ("flask", Some("gunicorn app:app")));
}

#[test]
fn a_policy_that_is_there_is_kept() {
    let folder = app(&[("gambeson.toml", "# mine\n")]);
    let path = folder.path().join("gambeson.toml");
    assert!(save(&path, "new", false).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    save(&path, "new", true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}

#[test]
fn templates_that_would_lose_their_scripts_are_named() {
    let next = |html: &str| {
        let (found, ..) = found(&[("app.py", "app = Flask(__name__)"), ("shop/templates/base.html", html)]);
        write::next_steps(&found).remove(0)
    };
    assert!(next("<script>start()</script>").starts_with("gambeson csp learn --from shop/templates "));
    assert_eq!(next("<script src=/static/app.js></script>"), "gambeson run -- gunicorn app:app");
}
