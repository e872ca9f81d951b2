//! The conversation with the app: connections of one worker, kept and used again; requests written, answers read strictly.

mod connection;
mod pool;

pub(crate) use connection::{Answer, AppConnection, BodyReader, Piece, encode};
pub(crate) use pool::{Lease, Pool, connect};

use gambeson_core::layers::Denial;
use gambeson_wire::Fault;
use http::StatusCode;
use std::io;

/// What went wrong with the app.
#[derive(Debug)]
pub(crate) enum AppError {
    /// It cannot be reached.
    Unreachable(io::Error),
    /// Connecting took too long.
    ConnectTimeout,
    /// Too many requests wait for it.
    Busy,
    /// It closed the connection without an answer.
    NoAnswer,
    /// It took too long to begin its answer.
    AnswerTimeout,
    /// Its answer cannot be read.
    Malformed(Fault),
    /// It broke off in the middle of its answer.
    BrokenOff,
    /// It paused too long in the middle of its answer.
    Stalled,
}

impl AppError {
    /// Rule, status, and why, for the record.
    const fn parts(&self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::Unreachable(_) => ("app-unreachable", StatusCode::BAD_GATEWAY, "the app cannot be reached"),
            Self::ConnectTimeout => ("app-connect-timeout", StatusCode::GATEWAY_TIMEOUT, "connecting to the app took too long"),
            Self::Busy => ("app-busy", StatusCode::SERVICE_UNAVAILABLE, "too many requests wait for the app"),
            Self::NoAnswer => ("app-no-answer", StatusCode::BAD_GATEWAY, "the app closed the connection without an answer"),
            Self::AnswerTimeout => ("app-timeout", StatusCode::GATEWAY_TIMEOUT, "the app took too long to begin its answer"),
            Self::Malformed(_) => ("app-malformed", StatusCode::BAD_GATEWAY, "the app's answer cannot be read in one way only"),
            Self::BrokenOff => ("app-broke-off", StatusCode::BAD_GATEWAY, "the app broke off in the middle of its answer"),
            Self::Stalled => ("app-stalled", StatusCode::GATEWAY_TIMEOUT, "the app paused too long in the middle of its answer"),
        }
    }

    /// What the client is told and the operator finds in the log.
    pub(crate) fn denial(&self) -> Box<Denial> {
        let (rule, status, why) = self.parts();
        let say = match status {
            StatusCode::GATEWAY_TIMEOUT => "The app behind this address takes too long to answer. Please try again in a moment.",
            StatusCode::SERVICE_UNAVAILABLE => "The app behind this address is busy. Please try again in a moment.",
            _ => "The app behind this address is not answering properly. Please try again in a moment.",
        };
        let detail = match self {
            Self::Unreachable(error) => error.to_string(),
            Self::Malformed(fault) => format!("{}: {}", fault.rule(), fault.why()),
            _ => String::new(),
        };
        Denial::new(rule, status, say, why).at("app", detail)
    }
}
