//! Exports llguidance's C interface. `llguidance.h` in this folder declares the functions that the addon calls.

pub use llguidance::ffi::*;
