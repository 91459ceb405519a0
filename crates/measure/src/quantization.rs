//! The closed list of quantizations and their classes.

use std::fmt;
use std::str::FromStr;

use crate::id::IdError;

/// The precision at which a provider serves a model's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Quantization {
    /// Not disclosed by the provider.
    #[default]
    Unknown = 0,
    /// 4-bit integer.
    Int4 = 1,
    /// 8-bit integer.
    Int8 = 2,
    /// 4-bit float.
    Fp4 = 3,
    /// 4-bit float, OCP microscaling.
    Mxfp4 = 4,
    /// 4-bit float, NVIDIA block scaling.
    Nvfp4 = 5,
    /// 6-bit float.
    Fp6 = 6,
    /// 8-bit float.
    Fp8 = 7,
    /// 8-bit float, OCP microscaling.
    Mxfp8 = 8,
    /// 16-bit IEEE float.
    Fp16 = 9,
    /// 16-bit brain float.
    Bf16 = 10,
    /// 32-bit IEEE float.
    Fp32 = 11,
}

/// A quantization's width, the way it is shown beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuantizationClass {
    /// Four bits.
    Q4,
    /// Six bits.
    Q6,
    /// Eight bits.
    Q8,
    /// Sixteen bits or more.
    Full,
}

impl Quantization {
    /// Every member, in the order of their codes.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Int4,
        Self::Int8,
        Self::Fp4,
        Self::Mxfp4,
        Self::Nvfp4,
        Self::Fp6,
        Self::Fp8,
        Self::Mxfp8,
        Self::Fp16,
        Self::Bf16,
        Self::Fp32,
    ];

    /// The stable code used in stored and sent data.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The member with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name used in every interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Int4 => "int4",
            Self::Int8 => "int8",
            Self::Fp4 => "fp4",
            Self::Mxfp4 => "mxfp4",
            Self::Nvfp4 => "nvfp4",
            Self::Fp6 => "fp6",
            Self::Fp8 => "fp8",
            Self::Mxfp8 => "mxfp8",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Fp32 => "fp32",
        }
    }

    /// Its class; none for [`Quantization::Unknown`].
    pub fn class(self) -> Option<QuantizationClass> {
        match self {
            Self::Unknown => None,
            Self::Int4 | Self::Fp4 | Self::Mxfp4 | Self::Nvfp4 => Some(QuantizationClass::Q4),
            Self::Fp6 => Some(QuantizationClass::Q6),
            Self::Int8 | Self::Fp8 | Self::Mxfp8 => Some(QuantizationClass::Q8),
            Self::Fp16 | Self::Bf16 | Self::Fp32 => Some(QuantizationClass::Full),
        }
    }

    /// As people see it: `q8 · fp8`, or `undisclosed`.
    pub fn label(self) -> String {
        self.class().map_or_else(
            || "undisclosed".to_owned(),
            |class| format!("{class} · {self}"),
        )
    }
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Quantization {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL
            .into_iter()
            .find(|q| q.name() == text)
            .ok_or(IdError::Quantization)
    }
}

impl fmt::Display for QuantizationClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Q4 => "q4",
            Self::Q6 => "q6",
            Self::Q8 => "q8",
            Self::Full => "full",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_round_trip() {
        for q in Quantization::ALL {
            assert_eq!(q.name().parse(), Ok(q));
            assert_eq!(Quantization::from_code(q.code()), Some(q));
        }
        assert_eq!("FP8".parse::<Quantization>(), Err(IdError::Quantization));
        assert_eq!(Quantization::from_code(12), None);
    }

    #[test]
    fn labels_show_the_class_first() {
        assert_eq!(Quantization::Fp8.label(), "q8 · fp8");
        assert_eq!(Quantization::Bf16.label(), "full · bf16");
        assert_eq!(Quantization::Unknown.label(), "undisclosed");
    }
}
