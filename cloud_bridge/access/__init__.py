"""Who calls, for which tenant, and what may they do?"""
