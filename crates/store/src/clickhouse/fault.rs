//! What goes wrong on the way to ClickHouse and in it, by what the caller can do about it.

use clickhouse::error::Error;

use crate::StoreError;

/// Codes of ClickHouse's exceptions, as `src/Common/ErrorCodes.cpp` numbers them.
mod code {
    /// `NOT_ENOUGH_SPACE`, `CANNOT_WRITE_TO_FILE_DESCRIPTOR`, `QUOTA_EXCEEDED`.
    pub(super) const FULL: &[u32] = &[243, 75, 201];
    /// `UNKNOWN_USER`, `WRONG_PASSWORD`, `REQUIRED_PASSWORD`, `AUTHENTICATION_FAILED`,
    /// `IP_ADDRESS_NOT_ALLOWED`.
    pub(super) const CREDENTIALS: &[u32] = &[192, 193, 194, 516, 195];
    /// `READONLY`, `ACCESS_DENIED`.
    pub(super) const RIGHTS: &[u32] = &[164, 497];
    /// `UNKNOWN_DATABASE`, `UNKNOWN_TABLE`.
    pub(super) const MISSING: &[u32] = &[81, 60];
    /// `NO_SUCH_COLUMN_IN_TABLE`, `NOT_FOUND_COLUMN_IN_BLOCK`, `THERE_IS_NO_COLUMN`,
    /// `UNKNOWN_IDENTIFIER`, `TYPE_MISMATCH`, `INCORRECT_DATA`.
    pub(super) const COLUMNS: &[u32] = &[16, 10, 8, 47, 53, 117];
    /// `SYNTAX_ERROR`, `UNKNOWN_FUNCTION`, `UNKNOWN_SETTING`, `UNKNOWN_TYPE`, `UNKNOWN_CODEC`,
    /// `UNKNOWN_STORAGE`, `BAD_ARGUMENTS`, `SUPPORT_IS_DISABLED`.
    pub(super) const VERSION: &[u32] = &[62, 46, 115, 50, 432, 56, 36, 344];
    /// `TOO_MANY_ROWS`, `TOO_MANY_BYTES`, `TOO_MANY_ROWS_OR_BYTES`.
    pub(super) const LIMITS: &[u32] = &[158, 307, 396];
}

/// The statement took too long.
pub(super) fn late(doing: &str, server: &str, timeout_ms: u128) -> StoreError {
    StoreError::Unavailable {
        reason: format!("{doing} at {server} took longer than {timeout_ms} ms"),
    }
}

/// Maps an error met while `doing` something at a server.
pub(super) fn of(doing: &str, server: &str, error: &Error) -> StoreError {
    let unavailable = |why: String| StoreError::Unavailable {
        reason: format!("{doing} at {server}: {why}"),
    };
    match error {
        Error::BadResponse(said) => by_code(doing, server, said),
        Error::SchemaMismatch(_) | Error::InvalidColumnsHeader(_) => refused(
            doing,
            server,
            &chain(error),
            "the schema is not this version's: look for changes made by hand",
        ),
        Error::InvalidParams(_) | Error::Unsupported(_) => {
            refused(doing, server, &chain(error), "check the settings")
        }
        // The network, time, or an answer that was cut or came from somebody else.
        _ => unavailable(chain(error)),
    }
}

fn by_code(doing: &str, server: &str, said: &str) -> StoreError {
    let said = first_line(said);
    let code = exception_code(&said);
    let is_one_of = |codes: &[u32]| code.is_some_and(|code| codes.contains(&code));
    let todo = if is_one_of(code::FULL) {
        let reason = format!("{doing} at {server}: {said}");
        return StoreError::Full { reason };
    } else if is_one_of(code::CREDENTIALS) {
        "check the user and the password"
    } else if is_one_of(code::RIGHTS) {
        "grant the user what is missing"
    } else if is_one_of(code::MISSING) {
        "run `sextant migrate`"
    } else if is_one_of(code::COLUMNS) {
        "run `sextant migrate`, or look for changes made by hand"
    } else if is_one_of(code::VERSION) {
        "this server does not know what the store needs: use a newer one"
    } else if is_one_of(code::LIMITS) {
        "ask for less, or raise `read_rows_max`"
    } else {
        let reason = format!("{doing} at {server}: {said}");
        return StoreError::Unavailable { reason };
    };
    refused(doing, server, &said, todo)
}

pub(super) fn refused(doing: &str, server: &str, why: &str, todo: &str) -> StoreError {
    StoreError::Refused {
        store: format!("ClickHouse at {server}"),
        reason: format!("{doing}: {why}; {todo}"),
    }
}

/// Of `Code: 516. DB::Exception: ..`.
fn exception_code(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("Code: ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What a server says may go on for pages.
fn first_line(said: &str) -> String {
    const CHARS_MAX: usize = 600;
    let line = said.lines().next().unwrap_or_default();
    line.chars().take(CHARS_MAX).collect()
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> StoreError {
        of(
            "insert 3 rows into step_rows",
            "http://h",
            &Error::BadResponse(text.to_owned()),
        )
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for (text, transient) in [
            ("Code: 252. DB::Exception: Too many parts (300)", true),
            (
                "Code: 241. DB::Exception: Memory limit (total) exceeded",
                true,
            ),
            ("Code: 159. DB::Exception: Timeout exceeded", true),
            (
                "Code: 285. DB::Exception: Number of alive replicas (1) is less than quorum",
                true,
            ),
            ("502 Bad Gateway", true),
            (
                "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space",
                true,
            ),
            (
                "Code: 516. DB::Exception: default: Authentication failed",
                false,
            ),
            (
                "Code: 81. DB::Exception: Database sextant does not exist",
                false,
            ),
            (
                "Code: 60. DB::Exception: Table sextant.step_rows does not exist",
                false,
            ),
            (
                "Code: 16. DB::Exception: No such column ttft_bins in table",
                false,
            ),
            ("Code: 158. DB::Exception: Limit for rows exceeded", false),
        ] {
            let error = said(text);
            assert_eq!(error.is_transient(), transient, "{error}");
            let told = error.to_string();
            assert!(told.contains("insert 3 rows into step_rows"), "{told}");
        }
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let error = said("Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space");
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
    }

    #[test]
    fn who_must_act_is_told_what_to_do() {
        for (text, todo) in [
            (
                "Code: 516. DB::Exception: me: Authentication failed",
                "password",
            ),
            (
                "Code: 81. DB::Exception: Database x does not exist",
                "sextant migrate",
            ),
            ("Code: 497. DB::Exception: Not enough privileges", "grant"),
        ] {
            let told = said(text).to_string();
            assert!(told.contains(todo) && told.contains(text), "{told}");
        }
    }

    #[test]
    fn only_the_first_line_is_kept_and_not_all_of_it() {
        let long = format!("Code: 60. {}\nstack trace", "é".repeat(5_000));
        let told = said(&long).to_string();
        assert!(
            told.len() < 2_000 && !told.contains("stack trace"),
            "{told}"
        );
    }
}
