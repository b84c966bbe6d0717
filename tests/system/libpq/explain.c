/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * explain CONNINFO: connects, and prints which certificate was sent and why.
 *
 * libpq frees the SSL when a connection fails, so the decision is copied after
 * every step of the connection.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <certpick.h>
#include <libpq-fe.h>

#define STEP_MS 30000

static struct
{
	int32_t		outcome;
	char	   *message;
	char	   *explanation;
}			decision;

static char *
copy(const char *text)
{
	char	   *result = strdup(text);

	if (result == NULL)
		abort();
	return result;
}

static void
copy_decision(PGconn *conn)
{
	SSL		   *ssl = PQsslStruct(conn, "OpenSSL");

	if (ssl == NULL || certpick_outcome(ssl) == CERTPICK_OUTCOME_NOT_ASKED)
		return;
	free(decision.message);
	free(decision.explanation);
	decision.outcome = certpick_outcome(ssl);
	decision.message = copy(certpick_message(ssl));
	decision.explanation = copy(certpick_explanation(ssl));
}

static const char *
outcome_name(int32_t outcome)
{
	switch (outcome)
	{
		case CERTPICK_OUTCOME_NOT_ASKED:
			return "not asked";
		case CERTPICK_OUTCOME_SENT:
			return "sent";
		case CERTPICK_OUTCOME_NONE_SUITABLE:
			return "none suitable";
		case CERTPICK_OUTCOME_FAILED:
			return "failed";
	}
	return "unknown";
}

static PostgresPollingStatusType
connect_by_steps(PGconn *conn)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING)
	{
		struct pollfd fd = {.fd = PQsocket(conn)};

		fd.events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (poll(&fd, 1, STEP_MS) <= 0)
			return PGRES_POLLING_FAILED;
		next = PQconnectPoll(conn);
		copy_decision(conn);
	}
	return next;
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	int			connected;

	if (argc != 2)
	{
		fputs("usage: explain CONNINFO\n", stderr);
		return 1;
	}
	conn = PQconnectStart(argv[1]);
	connected = conn != NULL && PQstatus(conn) != CONNECTION_BAD
		&& connect_by_steps(conn) == PGRES_POLLING_OK;
	printf("outcome: %s\n", outcome_name(decision.outcome));
	printf("message: %s\n", decision.message ? decision.message : "");
	if (connected)
	{
		PGresult   *result = PQexec(conn, "select client_dn from pg_stat_ssl"
									" where pid = pg_backend_pid()");

		if (PQresultStatus(result) == PGRES_TUPLES_OK)
			printf("certificate: %s\n", PQgetvalue(result, 0, 0));
		PQclear(result);
	}
	printf("%s", decision.explanation ? decision.explanation : "");
	fprintf(stderr, "%s", PQerrorMessage(conn));
	PQfinish(conn);
	free(decision.message);
	free(decision.explanation);
	return connected ? 0 : 2;
}
