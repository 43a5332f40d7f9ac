"""Values files for one chart version made into values files for another."""

from auditor.values.migration.run import Migration, as_json, migrate, migrate_values

__all__ = ["Migration", "as_json", "migrate", "migrate_values"]
