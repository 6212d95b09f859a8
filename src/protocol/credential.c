/*
 * credential.c
 *	  The files that hold the bots' credentials.
 *
 * What a file holds auth.c judges, which knows the kinds.  The database
 * knows only a file's name; where it lies, only the server's administrator
 * decides.  Permissions are judged as libpq judges those of a key file: the
 * server's user owns it and nobody else can read it, or root owns it and only
 * a group can.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "base/settings.h"
#include "protocol/auth.h"
#include "protocol/credential.h"

static char *
credential_path(const char *name)
{
	if (is_absolute_path(settings_credential_directory))
		return psprintf("%s/%s", settings_credential_directory, name);
	return psprintf("%s/%s/%s", DataDir, settings_credential_directory, name);
}

/* May it stand in a path? */
static bool
is_file_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strlen(name) <= 200 &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

static const char *
name_problem(const char *name)
{
	if (!is_file_name(name))
		return "A credential is the name of a file: letters, digits, dots, hyphens and underscores, not beginning with a dot.";
	return NULL;
}

static const char *
file_problem(const struct stat *status)
{
	mode_t		forbidden;

	if (!S_ISREG(status->st_mode))
		return "It is not a regular file.";
	if (status->st_uid != geteuid() && status->st_uid != 0)
		return "The file must be owned by the server's user or root.";
	forbidden = status->st_uid == 0 && geteuid() != 0 ?
		(S_IWGRP | S_IXGRP | S_IRWXO) : (S_IRWXG | S_IRWXO);
	if (status->st_mode & forbidden)
		return "Others can read the file: it must have permissions u=rw (0600) or less if owned by the server's user, or u=rw,g=r (0640) or less if owned by root.";
	if (status->st_size == 0)
		return "The file is empty.";
	if (status->st_size > CREDENTIAL_MAX_LENGTH)
		return psprintf("The file is longer than %d bytes.",
						CREDENTIAL_MAX_LENGTH);
	return NULL;
}

/*
 * The database's own file of that name, or else everybody's.  To open a FIFO
 * must not wait for somebody who writes to it.
 */
static int
open_file(const char *database, const char *name)
{
	int			flags = O_RDONLY | O_NONBLOCK | PG_BINARY;
	int			fd = -1;

	errno = ENOENT;
	if (is_file_name(database))
		fd = OpenTransientFile(credential_path(psprintf("%s/%s", database, name)),
							   flags);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		fd = OpenTransientFile(credential_path(name), flags);
	return fd;
}

/* Open the file and judge it; what is judged is what will be read. */
static int
open_credential(const char *database, const char *name, const char **problem)
{
	struct stat status;
	int			fd;

	*problem = name_problem(name);
	if (*problem != NULL)
		return -1;
	fd = open_file(database, name);
	if (fd < 0)
	{
		*problem = psprintf("The file in teams_proactive.credential_directory could not be opened: %s.",
							strerror(errno));
		return -1;
	}
	if (fstat(fd, &status) != 0)
		*problem = psprintf("Could not examine the file: %s.", strerror(errno));
	else
		*problem = file_problem(&status);
	if (*problem != NULL)
	{
		CloseTransientFile(fd);
		return -1;
	}
	return fd;
}

/*
 * What the file holds, without the newlines at its end, palloc'd; the caller
 * wipes it after use.  NULL if there is a problem, told in *problem as by
 * credential_problem().  It is read each time, as it may have been replaced.
 */
char *
credential_read(const char *database, const char *name, const char **problem)
{
	char		buffer[CREDENTIAL_MAX_LENGTH + 1];
	char	   *credential = NULL;
	ssize_t		length;
	int			fd = open_credential(database, name, problem);

	if (fd < 0)
		return NULL;
	length = read(fd, buffer, CREDENTIAL_MAX_LENGTH);
	CloseTransientFile(fd);

	while (length > 0 &&
		   (buffer[length - 1] == '\n' || buffer[length - 1] == '\r'))
		length--;
	if (length <= 0)
		*problem = "Could not read a secret from the file.";
	else
	{
		buffer[length] = '\0';
		if (strlen(buffer) != (size_t) length)
			*problem = "The file has a zero byte.";
		else
			credential = pstrdup(buffer);
	}
	explicit_bzero(buffer, sizeof(buffer));
	return credential;
}

/*
 * A number for what credential_read() has returned, the credential or why
 * there is none, by which is seen whether the file is another one now.  Never
 * 0.
 */
uint64
credential_fingerprint(const char *credential, const char *problem)
{
	const char *text = credential != NULL ? credential : problem;

	return hash_bytes_extended((const unsigned char *) text, strlen(text),
							   credential != NULL) | 1;
}

/*
 * What is wrong with a credential, as a sentence, palloc'd or static, or NULL:
 * its name must be that of a regular file that only the server's user can
 * read, with what can be a credential in it.  It is looked for in the
 * directory that has the database's name in
 * teams_proactive.credential_directory, which is the database's own, and then
 * in that itself, which is everybody's.  Nothing of what it holds is told.
 */
const char *
credential_problem(const char *database, const char *name)
{
	const char *problem = NULL;
	char	   *credential = credential_read(database, name, &problem);

	if (credential == NULL)
		return problem;
	problem = auth_credential_problem(credential);
	explicit_bzero(credential, strlen(credential));
	pfree(credential);
	return problem;
}
