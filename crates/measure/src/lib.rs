//! What Sextant measures: identifiers, observations, sketches, sliding windows
