"""Measurements that validation, benchmark, audit and experiment share: picture errors, blur, planes, intervals."""
