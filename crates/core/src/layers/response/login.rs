//! Whether an attempt to log in failed, as far as an answer tells.

use super::{Ladder, who};
use crate::{
    exchange::{Request, Response},
    layers::rate_limit,
};
use http::{Method, StatusCode, header};

/// The rule that notes it.
pub(super) const FAILED: &str = "login-failed";

/// Whether people log in at that path, register or reset a password.
pub(super) fn is_path(ladder: &Ladder, path: &str) -> bool {
    rate_limit::is_login(path) || ladder.login_paths.iter().any(|pattern| pattern.matches(path))
}

/// Whether a request is such an attempt: a `GET` only shows the form.
pub(super) fn is_attempt(ladder: &Ladder, request: &Request) -> bool {
    let sends = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    sends && is_path(ladder, request.target.decoded_path())
}

/// What in the app's answer says that an attempt failed: 400, 401, 403 or 422; a way back to a login page; or, to a form, a page
/// again and no new session. An app that answers a login that worked with a page, and sets no cookie with it, is misread:
/// its scenario must name other answers.
pub(super) fn failed(ladder: &Ladder, request: &Request, response: &Response) -> Option<&'static str> {
    if !is_attempt(ladder, request) {
        return None;
    }
    match response.status {
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => {
            Some("the app refused an attempt to log in")
        }
        status if status.is_redirection() && leads_back(ladder, response) => {
            Some("an attempt to log in led back to a login page")
        }
        StatusCode::OK if is_form(request) && is_page(response) && !sets_session(ladder, response) => {
            Some("an attempt to log in got a page again, and no session")
        }
        _ => None,
    }
}

fn leads_back(ladder: &Ladder, response: &Response) -> bool {
    let Some(location) = response.header(header::LOCATION) else { return false };
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/"),
        None => location,
    };
    is_path(ladder, path.split(['?', '#']).next().unwrap_or_default())
}

fn is_form(request: &Request) -> bool {
    let kind = request.header(header::CONTENT_TYPE).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded") || kind.starts_with("multipart/form-data")
}

fn is_page(response: &Response) -> bool {
    response.header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"))
}

fn sets_session(ladder: &Ladder, response: &Response) -> bool {
    let lines = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| line.split_once('=')).any(|(name, _)| who::is_session(ladder, name.trim()))
}
