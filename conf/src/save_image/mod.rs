//! The documents inside a saved guest image.
