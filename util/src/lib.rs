//! Leaf helpers: each file is one noun that could stand alone as a library.
//! Nothing here knows a driver, an XML document or the wire.
