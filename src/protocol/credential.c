/*
 * credential.c
 *	  The files that hold the bots' client secrets.
 *
 * The database knows only a file's name; where it lies, only the server's
 * administrator decides.  Permissions are judged as libpq judges those of a
 * key file: the server's user owns it and nobody else can read it, or root
 * owns it and only a group can.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "base/settings.h"
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

static char *
name_problem(const char *name)
{
	if (!is_file_name(name))
		return pstrdup("A credential is the name of a file: letters, digits, dots, hyphens and underscores, not beginning with a dot.");
	return NULL;
}

static char *
file_problem(const struct stat *status)
{
	mode_t		forbidden;

	if (!S_ISREG(status->st_mode))
		return pstrdup("It is not a regular file.");
	if (status->st_uid != geteuid() && status->st_uid != 0)
		return pstrdup("The file must be owned by the server's user or root.");
	forbidden = status->st_uid == 0 && geteuid() != 0 ?
		(S_IWGRP | S_IXGRP | S_IRWXO) : (S_IRWXG | S_IRWXO);
	if (status->st_mode & forbidden)
		return pstrdup("Others can read the file: it must have permissions u=rw (0600) or less if owned by the server's user, or u=rw,g=r (0640) or less if owned by root.");
	if (status->st_size == 0)
		return pstrdup("The file is empty.");
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
open_credential(const char *database, const char *name, char **problem)
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

char *
credential_problem(const char *database, const char *name)
{
	char	   *problem;
	int			fd = open_credential(database, name, &problem);

	if (fd >= 0)
		CloseTransientFile(fd);
	return problem;
}

char *
credential_read(const char *database, const char *name, char **problem)
{
	char		buffer[CREDENTIAL_MAX_LENGTH + 1];
	char	   *secret = NULL;
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
		*problem = pstrdup("Could not read a secret from the file.");
	else
	{
		buffer[length] = '\0';
		if (strlen(buffer) != (size_t) length)
			*problem = pstrdup("The file has a zero byte.");
		else
			secret = pstrdup(buffer);
	}
	explicit_bzero(buffer, sizeof(buffer));
	return secret;
}
