# SPDX-License-Identifier: Apache-2.0
"""Peers that do exactly what a test says, and sessions of the real handler between them."""
