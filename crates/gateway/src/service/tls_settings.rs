//! From the policy to what TLS needs to know.

use crate::tls::Settings;
use gambeson_core::policy::Policy;
use gambeson_store::state_dir::StateDir;

pub(super) fn of(policy: &Policy, state: &StateDir) -> Settings {
    Settings {
        hosts: policy.app.hosts.clone(),
        development: true,
        http2: true,
        state_dir: state.path().to_owned(),
        ..Settings::default()
    }
}
