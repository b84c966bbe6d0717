# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shared by the tests, the benchmark and the scripts: certificates, servers, clients, compilers, stages."""
