//! Columns that rows have in common: counts, ratios and times.

use sextant_measure::counts::Counts;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::Minute;

use crate::{MinuteRange, StoreError};

/// Minutes that fit into a column of `DateTime`: through 2106-02-07T06:27Z.
const MINUTES_END: u32 = u32::MAX / 60;

/// Declares a row with a column for each count, in the order of their codes, and those given.
macro_rules! counted_row {
    ($(#[$about:meta])* $name:ident { $($(#[$with:meta])* $column:ident: $type:ty,)+ }) => {
        counted_row! { @with
            $(#[$about])* $name { $($(#[$with])* $column: $type,)+ }
            live_ok live_provider_error live_timeout live_transport_error live_stream_error
            live_empty_response live_provider_refused live_rate_limited live_geo_blocked
            live_client_error live_content_filtered live_client_cancelled live_gateway_error
            probe_ok probe_provider_error probe_timeout probe_transport_error probe_stream_error
            probe_empty_response probe_provider_refused probe_rate_limited probe_geo_blocked
            probe_client_error probe_content_filtered probe_client_cancelled probe_gateway_error
        }
    };
    (@with $(#[$about:meta])* $name:ident { $($(#[$with:meta])* $column:ident: $type:ty,)+ }
     $($count:ident)+) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, clickhouse::Row, serde::Serialize, serde::Deserialize)]
        pub(super) struct $name {
            $($count: u32,)+
            $($(#[$with])* pub(super) $column: $type,)+
        }

        impl $name {
            pub(super) fn counts(&self) -> sextant_measure::counts::Counts {
                sextant_measure::counts::Counts::from_cells([$(self.$count),+])
            }

            #[allow(dead_code, reason = "some rows are only read")]
            pub(super) fn set_counts(&mut self, counts: &sextant_measure::counts::Counts) {
                [$(self.$count),+] = *counts.cells();
            }
        }
    };
}

pub(super) use counted_row;

/// The columns of counts, in the order of their codes.
pub(super) fn count_columns() -> impl Iterator<Item = String> {
    Source::ALL
        .into_iter()
        .flat_map(|source| Outcome::all().map(move |outcome| format!("{source}_{outcome}")))
}

/// The ratios that follow from counts, so that nobody who asks in SQL has to know what counts
/// where: good and whole of uptime, and of success.
pub(super) fn ratios(counts: &Counts) -> [u64; 4] {
    let (uptime, success) = (counts.uptime(), counts.success());
    [uptime.part, uptime.whole, success.part, success.whole]
}

/// A minute as a `DateTime`, in seconds.
pub(super) fn seconds(minute: Minute) -> u32 {
    minute.index().min(MINUTES_END).saturating_mul(60)
}

/// The minute of a `DateTime`, which must be a whole one.
pub(super) fn minute(seconds: u32) -> Option<Minute> {
    (seconds.is_multiple_of(60)).then(|| Minute::from_index(seconds / 60))
}

/// The first second of a range, and the first one after it.
pub(super) fn bounds(range: MinuteRange) -> (u32, u32) {
    (seconds(range.from), seconds(range.to))
}

/// Refuses a time that no column holds.
pub(super) fn check_time(minute: Minute) -> Result<(), StoreError> {
    if minute.index() < MINUTES_END {
        return Ok(());
    }
    Err(StoreError::Invalid {
        row: format!("minute {}", minute.index()),
        reason: "it is after 2106-02-07T06:27Z",
    })
}

#[cfg(test)]
mod tests {
    use clickhouse::Row as _;

    use super::*;

    counted_row! {
        /// Counts, and one more.
        Counted { more: u8, }
    }

    #[test]
    fn counts_stand_in_columns_by_the_order_of_their_codes() {
        let declared = &Counted::COLUMN_NAMES[..Counted::COLUMN_COUNT - 1];
        assert_eq!(declared, count_columns().collect::<Vec<_>>());
        let cells = std::array::from_fn(|code| u32::try_from(code).unwrap());
        let mut row = Counted::default();
        row.set_counts(&Counts::from_cells(cells));
        assert_eq!(row.counts().cells(), &cells);
        assert_eq!((row.live_provider_error, row.more), (1, 0));
    }

    #[test]
    fn times_past_the_column_are_cut_in_questions_and_refused_in_rows() {
        let last = Minute::from_index(MINUTES_END - 1);
        assert_eq!(minute(seconds(last)), Some(last));
        assert_eq!(seconds(Minute::from_index(u32::MAX)), seconds(last) + 60);
        assert!(check_time(last).is_ok() && check_time(last.plus(1)).is_err());
        assert_eq!(minute(61), None);
    }
}
