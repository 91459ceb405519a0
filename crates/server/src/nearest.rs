//! What somebody may have meant.

/// Names that are looked through.
const LOOKED_THROUGH_MAX: usize = 1_000;
/// Names that are offered.
const NEAREST_MAX: usize = 3;
/// From this similarity on; 1 is equal.
const SIMILARITY_MIN: f64 = 0.8;

/// Those of the names that a misspelt one may stand for, the likeliest first.
pub(crate) fn to<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut near: Vec<_> = names
        .take(LOOKED_THROUGH_MAX)
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.truncate(NEAREST_MAX);
    near.into_iter().map(|(_, known)| known).collect()
}
