//! Whether something can be had, and in which forms.

use crate::xml::{Element, YesNo};

/// `supported='yes'` with the values that may be asked for.
///
/// The same shape stands for every kind of device and feature; which
/// [`AllowedValues`] it holds is named in the documents for clients.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Support {
    /// Whether at all.
    #[xml(attr)]
    pub supported: YesNo,
    /// Values of the thing itself: firmware images of a loader.
    #[xml(leaf = "value")]
    pub values: Vec<String>,
    /// Values of its attributes.
    #[xml(children = "enum")]
    pub enums: Vec<AllowedValues>,
}

/// `<enum name='bus'>`: the values that an attribute may have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AllowedValues {
    /// The attribute.
    #[xml(attr)]
    pub name: String,
    /// The values; none is an answer as well.
    #[xml(leaf = "value")]
    pub values: Vec<String>,
}

impl Support {
    /// It cannot be had.
    pub fn no() -> Self {
        Self::default()
    }

    /// It can be had.
    pub fn yes() -> Self {
        Self { supported: YesNo::Yes, ..Self::default() }
    }

    /// It can be had or not.
    pub fn when(supported: bool) -> Self {
        Self { supported: supported.into(), ..Self::default() }
    }

    /// Adds the values that an attribute may have.
    pub fn with<S: Into<String>>(mut self, name: impl Into<String>, values: impl IntoIterator<Item = S>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.enums.push(AllowedValues { name: name.into(), values });
        self
    }

    /// Whether it can be had.
    pub fn is_supported(&self) -> bool {
        self.supported.is_yes()
    }

    /// The values that an attribute may have; `None` when nothing is said.
    pub fn allowed(&self, name: &str) -> Option<&[String]> {
        self.enums.iter().find(|e| e.name == name).map(|e| e.values.as_slice())
    }
}
