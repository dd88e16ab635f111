//! Attribute and derive macros of `oxivirt-core`.
