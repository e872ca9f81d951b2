//! What happened is written down here: counted for Prometheus, recorded in the audit log and for replay, told where it is grave.

use crate::{
    alert::{Alerts, is_refusal},
    worker::now_ms,
};
use gambeson_core::{engine::Finish, policy::Policy, record::Finding, sanction::Sanction};
use gambeson_store::{
    audit::{AuditLog, Event},
    metrics::{Metrics, Protocol, StatusClass},
    traffic::Recorder,
};
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// The audit log and the metrics of one process.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is written down; `None` where nothing is.
    pub audit: Option<Arc<AuditLog>>,
    /// Who is told at once.
    pub alerts: Arc<Alerts>,
    /// What is recorded to be judged again.
    pub traffic: Arc<Recorder>,
}

impl Ledger {
    /// An exchange ended.
    pub(crate) fn ended(&self, protocol: Protocol, mut finish: Finish, status: StatusCode, took: Duration) {
        self.metrics.requests.increment((protocol, StatusClass::of(status.as_u16())));
        self.metrics.request_seconds.observe(took);
        for finding in finish.findings() {
            let Finding { layer, rule, mode, .. } = finding.as_ref();
            self.metrics.findings.increment(*layer, rule, *mode);
        }
        if let Some(traffic) = finish.traffic() {
            self.traffic.record(traffic);
        }
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if finish.is_logged() {
            self.write(Event::Exchange(finish.whole_record(took_ms)));
        } else if self.alerts.hears() && finish.findings().any(|finding| is_refusal(&finding)) {
            self.alerts.unlogged(&finish.whole_record(took_ms));
        }
    }

    /// Puts another policy's settings in force.
    pub(crate) fn apply(&self, policy: &Policy) {
        if let Some(audit) = &self.audit {
            audit.apply((&policy.layers.audit_log).into());
        }
        self.traffic.apply((&policy.record).into());
    }

    /// Writes what waits. Blocks until that is done.
    pub(crate) fn close(&self) {
        if let Some(audit) = &self.audit {
            audit.close();
        }
        self.traffic.close();
    }

    /// A client earned a sanction.
    pub(crate) fn sanctioned(&self, sanction: &Sanction) {
        let Sanction { id, rung, subject, reason, until_ms, since_ms, .. } = sanction;
        let minutes = until_ms.saturating_sub(*since_ms).div_ceil(60_000);
        self.notice("sanction", format!("{rung} of {subject} for {minutes} min: {reason}; `gambeson bans lift {id}` ends it"));
    }

    /// Something happened to the gateway itself.
    pub fn notice(&self, what: &str, detail: impl Into<String>) {
        self.write(Event::notice(what, detail));
    }

    /// Into the log; what is grave of it is told, too.
    fn write(&self, event: Event) {
        self.alerts.event(&event, now_ms());
        if let Some(audit) = &self.audit {
            audit.record(event);
        }
    }
}
