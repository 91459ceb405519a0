//! How much a catalog may hold. It is the operator's own input, yet a wrong file (a log, a dump)
//! must be refused by its size and not by the machine running out of memory.

/// Longest catalog text, in bytes.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most models.
pub const MODELS_MAX: usize = 4_096;
/// Most providers.
pub const PROVIDERS_MAX: usize = 1_000;
/// Most endpoints of one model.
pub const ENDPOINTS_PER_MODEL_MAX: usize = 256;
/// Most parameters that one endpoint supports.
pub const PARAMETERS_MAX: usize = 64;
/// Longest display name, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest single word (tokenizer, instruct type, parameter), in bytes.
pub const WORD_BYTES_MAX: usize = 64;
/// Longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4_096;
/// Longest statement of where benchmark figures come from, in bytes.
pub const SOURCE_BYTES_MAX: usize = 1_024;
/// Most tokens a context, a prompt or a completion can have.
pub const TOKENS_MAX: u32 = 1_000_000_000;
/// Most problems that are listed; further ones are counted.
pub const PROBLEMS_LISTED_MAX: usize = 1_000;
/// How far past the first mistake of syntax a text is read on for others, in bytes: a text that
/// isn't TOML at all may have a mistake in every one of them.
pub const RECOVERED_BYTES_MAX: usize = 256 * 1024;
