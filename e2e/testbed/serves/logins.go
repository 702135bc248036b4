// SPDX-License-Identifier: Apache-2.0

package serves

import (
	"context"
	"errors"
	"net/smtp"

	"golang.org/x/crypto/ssh"
)

// SMTP is a message that the server is to take.
type SMTP struct {
	Port int    `json:"port"`
	To   string `json:"to"`
}

func (c *SMTP) ask(ctx context.Context, t Target) error {
	connection, err := dial(ctx, "tcp", at(t, c.Port))
	if err != nil {
		return err
	}
	defer connection.Close()
	client, err := smtp.NewClient(connection, "test")
	if err != nil {
		return err
	}
	if err := errors.Join(client.Hello("test.test"), client.Mail("test@test.test"), client.Rcpt(c.To)); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write([]byte("Subject: test\r\n\r\nhello\r\n")); err != nil {
		return err
	}
	return errors.Join(body.Close(), client.Quit())
}

// SSH is a login, and a command that is run by it.
type SSH struct {
	Port     int    `json:"port"`
	User     string `json:"user"`
	Password string `json:"password"`
	Command  string `json:"command"`
	Want     string `json:"want"`
}

func (c *SSH) ask(ctx context.Context, t Target) error {
	connection, err := dial(ctx, "tcp", at(t, c.Port))
	if err != nil {
		return err
	}
	defer connection.Close()
	secured, channels, requests, err := ssh.NewClientConn(connection, at(t, c.Port), &ssh.ClientConfig{
		User: c.User,
		Auth: []ssh.AuthMethod{ssh.Password(c.Password)},
		// Its key is made when it starts, and nobody else is at this address.
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return err
	}
	client := ssh.NewClient(secured, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	output, err := session.CombinedOutput(c.Command)
	if err != nil {
		return err
	}
	return wants("the command prints", string(output), c.Want)
}
