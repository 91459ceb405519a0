//! The servers start, and end as told.

mod kafka;
