//! YAML in, checked definitions out, with spans and diagnostics. Pure: bytes in.
