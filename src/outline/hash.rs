//! A hash that is the same on every machine and in every release: what the lock keeps of an entry.
//!
//! FNV-1a (draft-eastlake-fnv) with the finishing step of MurmurHash3, so that any of its bits may be cut off. It keeps
//! nothing secret, and need not: no file that is hashed holds a secret.

/// A hash under way.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    /// The hash with a text added; where one text ends and the next begins counts.
    #[must_use]
    pub(crate) fn add(self, text: &str) -> Self {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        // No UTF-8 text holds this byte.
        Self(step(text.bytes().fold(self.0, step), 0xff))
    }

    pub(crate) fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_changes() {
        assert_eq!(Hash::default().add("a").add("bc").finish(), 0x0b1a_b3f8_db79_4b96);
        assert_ne!(Hash::default().add("a").add("bc").finish(), Hash::default().add("ab").add("c").finish());
    }
}
