//! The pure engine: policy, phases, layers, decisions.
