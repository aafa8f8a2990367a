//! Exports llguidance's C interface. `llguidance.h` in this folder declares what the addon calls.

pub use llguidance::ffi::*;
