//! Which models a reader asks for.

use std::sync::Arc;

use sextant_measure::id::ModelId;
use sextant_snapshot::change::Delta;
use sextant_snapshot::snapshot::ModelFilter;

/// Models in ascending order, each once; none means all. Equal filters share what is encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter(Arc<[ModelId]>);

/// Why a list of models is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterError {
    /// This one cannot be a model.
    Model {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// More than a request may name.
    TooMany {
        /// How many it may.
        max: usize,
    },
}

impl Filter {
    /// All models.
    pub fn all() -> Self {
        Self(Arc::from([]))
    }

    /// One model.
    pub(crate) fn of_model(model: ModelId) -> Self {
        Self(Arc::from([model]))
    }

    /// These models, at most `max` of them.
    ///
    /// # Errors
    /// The first name that cannot be a model, or the bound.
    pub fn parse<'a>(
        names: impl IntoIterator<Item = &'a str>,
        max: usize,
    ) -> Result<Self, FilterError> {
        let mut models = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            if index == max {
                return Err(FilterError::TooMany { max });
            }
            models.push(ModelId::new(name).map_err(|error| FilterError::Model {
                index,
                reason: error.to_string(),
            })?);
        }
        models.sort_unstable();
        models.dedup();
        Ok(Self(models.into()))
    }

    /// Whether all models are asked for.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the model is asked for.
    pub fn admits(&self, model: &ModelId) -> bool {
        self.is_all() || self.0.binary_search(model).is_ok()
    }

    /// The same, as a picture takes it.
    pub(crate) fn models(&self) -> ModelFilter {
        self.0.iter().cloned().collect()
    }

    /// What of a change is asked for.
    pub(crate) fn apply(&self, delta: &Delta) -> Delta {
        let mut delta = delta.clone();
        if !self.is_all() {
            delta.rows.retain(|row| self.admits(&row.value.id().model));
            delta.removed.retain(|(id, _)| self.admits(&id.model));
            delta
                .gates
                .retain(|gate| self.admits(&gate.value.key().model));
            delta
                .gates_removed
                .retain(|(key, _)| self.admits(&key.model));
        }
        delta
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_the_same_models_are_the_same_filter() {
        let parse = |names: &[&str]| Filter::parse(names.iter().copied(), 3);
        assert_eq!(parse(&["b/b", "a/a", "b/b"]), parse(&["a/a", "b/b"]));
        assert_eq!(parse(&[]), Ok(Filter::all()));
    }

    #[test]
    fn a_name_that_is_no_model_is_refused_by_its_place() {
        let refused = Filter::parse(["a/a", "<script>"], 3).unwrap_err();
        assert!(
            matches!(refused, FilterError::Model { index: 1, .. }),
            "{refused:?}"
        );
    }

    #[test]
    fn more_models_than_the_bound_are_refused() {
        assert!(Filter::parse(["a/a"; 3], 3).is_ok());
        let refused = Filter::parse(["a/a"; 4], 3);
        assert_eq!(refused, Err(FilterError::TooMany { max: 3 }));
    }
}
