//! The HTTP side of the service: settings, the platform interface, wiring.

pub mod settings;
