//! Finding and loading runbooks, adapters and runbook.yaml; the state directory.
