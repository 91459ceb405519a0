//! A curve as small as a word.

use std::fmt::Write as _;

/// How wide and high the drawing is, in its own units.
pub const WIDTH: u32 = 90;
/// See [`WIDTH`].
pub const HEIGHT: u32 = 20;
/// Left free above and below, so that a line at the edge is not cut.
const MARGIN: f64 = 2.0;

/// A path of SVG through values that follow each other in equal steps, from the lowest at the bottom
/// to the highest at the top. Where a value is absent the line breaks; one that stands alone is a
/// dot. Nothing if there is no value.
pub fn path(values: &[Option<f64>]) -> String {
    let known = || values.iter().flatten().copied();
    let (low, high) = (
        known().fold(f64::INFINITY, f64::min),
        known().fold(f64::NEG_INFINITY, f64::max),
    );
    if low > high {
        return String::new();
    }
    let steps = u32::try_from(values.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let x = |index: usize| {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        f64::from(WIDTH) * f64::from(index) / f64::from(steps.max(1))
    };
    let y = |value: f64| {
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        let room = f64::from(HEIGHT) - 2.0 * MARGIN;
        f64::from(HEIGHT) - MARGIN - share * room
    };
    let mut path = String::new();
    let mut is_drawing = false;
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_drawing = false;
            continue;
        };
        let command = if is_drawing { 'L' } else { 'M' };
        _ = write!(path, "{command}{:.1} {:.1}", x(index), y(*value));
        let is_alone = !is_drawing && values.get(index + 1).is_none_or(Option::is_none);
        if is_alone {
            // A line of no length is drawn as a dot, since its ends are round.
            path.push_str("h0");
        }
        is_drawing = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_spans_the_drawing_and_breaks_where_nothing_is_known() {
        assert_eq!(
            path(&[Some(1.0), Some(3.0), None, Some(2.0)]),
            "M0.0 18.0L30.0 2.0M90.0 10.0h0"
        );
    }

    #[test]
    fn equal_values_are_a_line_in_the_middle_and_none_is_none() {
        assert_eq!(path(&[Some(5.0), Some(5.0)]), "M0.0 10.0L90.0 10.0");
        assert_eq!(path(&[None, None]), "");
        assert_eq!(path(&[]), "");
        assert_eq!(path(&[Some(5.0)]), "M0.0 10.0h0");
    }
}
