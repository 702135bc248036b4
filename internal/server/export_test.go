// SPDX-License-Identifier: Apache-2.0

package server

// For the tests of the process.
const (
	MaxHeaderBytes      = maxHeaderBytes
	MaxConnections      = maxConnections
	MaxPlainConnections = maxPlainConnections
	MaxStreams          = maxStreams
	HeaderTimeout       = headerTimeout
	ReadTimeout         = readTimeout
	WriteTimeout        = writeTimeout
)
