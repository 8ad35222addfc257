"""Why a walk ended as it did: by trial, by asking who should have answered, by walking again."""
